// steps.py in Go: each line of standard input is one request over the same connection; prints "N STATUS" after each answer.
//
//	steps BASE		"stream" asks for a stream, says "N begins" with its first line and waits for a line more;
//				"many" asks five times at once, over as many connections
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

type object = map[string]any

func ask(question string, stream bool, begins func()) int {
	body, _ := json.Marshal(object{"stream": stream, "model": "gpt-4o", "messages": []object{{"role": "user", "content": question}}})
	request, _ := http.NewRequest("POST", os.Args[1]+"/v1/chat/completions", strings.NewReader(string(body)))
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer answer.Body.Close()
	text := bufio.NewReader(answer.Body)
	if stream {
		text.ReadString('\n')
		begins()
	}
	io.Copy(io.Discard, text)
	return answer.StatusCode
}

func main() {
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 5
	lines := bufio.NewScanner(os.Stdin)
	fmt.Println("ready", os.Getpid())
	for n := 1; lines.Scan(); n++ {
		question := fmt.Sprintf("question %d: %s", n, lines.Text())
		if lines.Text() == "many" {
			var all sync.WaitGroup
			for i := 0; i < 5; i++ {
				all.Add(1)
				go func(question string) {
					defer all.Done()
					ask(question, false, nil)
				}(fmt.Sprint(question, " ", i))
			}
			all.Wait()
			fmt.Println(n, 200)
			continue
		}
		fmt.Println(n, ask(question, lines.Text() == "stream", func() {
			fmt.Println(n, "begins")
			lines.Scan()
		}))
	}
}
