// SPDX-License-Identifier: BSD-2-Clause

// The exchange of exchange.py with Go's crypto/tls: exchange PORT COUNT
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"
)

func main() {
	count, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	start := `{"model":"gpt-4o","messages":[{"role":"user","content":"`
	body := start + strings.Repeat("y", 1024-len(start)-4) + `"}]}`
	request := []byte("POST /v1/chat/completions?size=1024&stream=0&gap=0 HTTP/1.1\r\nHost: localhost\r\n" +
		"Content-Type: application/json\r\nContent-Length: 1024\r\n\r\n" + body)
	c, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[1], &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		panic(err)
	}
	got := make([]byte, 65536)
	times := []float64{}
	for i := 0; i < count+50; i++ {
		begin := time.Now()
		if _, err := c.Write(request); err != nil {
			panic(err)
		}
		for n := 0; !bytes.HasSuffix(got[:n], []byte(`"}}]}`)); {
			k, err := c.Read(got[n:])
			if err != nil {
				panic(err)
			}
			n += k
		}
		times = append(times, float64(time.Since(begin).Nanoseconds())/1000)
	}
	times = times[50:]
	sort.Float64s(times)
	fmt.Printf("median=%.2f\n", times[len(times)/2])
}
