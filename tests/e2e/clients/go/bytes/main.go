// Bytes through crypto/tls on loopback, both sides in this program:
//
//	bytes sizes N...		one connection for each size, echoed
//	bytes goroutines N BYTES	N connections at once, BYTES each way
//	bytes dropped N			N connections one after the other that nobody closes: memory is used again
//	bytes stack N			buffers on stacks that grow while the call is under way
//	bytes nested N			a connection inside another one, N bytes each way
//
// For each direction of each connection a line: SHA-256 of what was moved, as the calls said.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"hash"
	"io"
	"math/big"
	pseudo "math/rand"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

var (
	printing sync.Mutex
	config   *tls.Config
	version  uint16 // 0: the newest
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Hashes what the calls say that they have moved.
type counted struct {
	*tls.Conn
	in, out hash.Hash
	n       [2]int
}

func count(c *tls.Conn) *counted { return &counted{Conn: c, in: sha256.New(), out: sha256.New()} }

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.in.Write(b[:n])
	c.n[0] += n
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.out.Write(b[:n])
	c.n[1] += n
	return n, err
}

func (c *counted) tell() {
	printing.Lock()
	defer printing.Unlock()
	for i, h := range []hash.Hash{c.in, c.out} {
		if c.n[i] > 0 {
			fmt.Printf("%x %d\n", h.Sum(nil), c.n[i])
		}
	}
}

func certificate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	t := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	check(err)
	config = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: version,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	if version != 0 {
		config.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	}
}

func pair() (client, server *tls.Conn, raw []net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	defer l.Close()
	accepted := make(chan net.Conn)
	go func() {
		c, err := l.Accept()
		check(err)
		accepted <- c
	}()
	a, err := net.Dial("tcp", l.Addr().String())
	check(err)
	b := <-accepted
	return tls.Client(a, config), tls.Server(b, config), []net.Conn{a, b}
}

func content(seed int64, n int) []byte {
	b := make([]byte, n)
	pseudo.New(pseudo.NewSource(seed)).Read(b)
	return b
}

// One way and back, in one call each where the size allows.
func echo(seed int64, n int, closing bool) {
	a, b, raw := pair()
	client, server := count(a), count(b)
	done := make(chan bool)
	go func() {
		got := make([]byte, n)
		_, err := io.ReadFull(server, got)
		check(err)
		_, err = server.Write(got)
		check(err)
		if closing {
			server.Close()
		}
		done <- true
	}()
	_, err := client.Write(content(seed, n))
	check(err)
	back := make([]byte, n)
	_, err = io.ReadFull(client, back)
	check(err)
	if closing {
		_, err = client.Read(back[:1])
		if err != io.EOF {
			check(fmt.Errorf("no end: %v", err))
		}
		client.Close()
	}
	<-done
	raw[0].Close()
	raw[1].Close()
	client.tell()
	server.tell()
}

// Grows the stack from within the call, when the read or write reaches the connection below.
type deep struct{ net.Conn }

//go:noinline
func grow(n int) int {
	var room [256]byte
	room[n%256] = byte(n)
	if n == 0 {
		return int(room[0])
	}
	return grow(n-1) + int(room[n%256])
}

func (d deep) Read(b []byte) (int, error) {
	grow(400)
	return d.Conn.Read(b)
}

func (d deep) Write(b []byte) (int, error) {
	grow(400)
	return d.Conn.Write(b)
}

//go:noinline
func writeSmall(c *tls.Conn, seed byte) (sum [48]byte) {
	var b [48]byte
	for i := range b {
		b[i] = seed + byte(i)
	}
	sum = b
	n, err := c.Write(b[:])
	check(err)
	if n != len(b) {
		check(io.ErrShortWrite)
	}
	return sum
}

//go:noinline
func readSmall(c *tls.Conn) (sum [48]byte) {
	var b [48]byte
	for n := 0; n < len(b); {
		k, err := c.Read(b[n:])
		check(err)
		n += k
	}
	return b
}

// A goroutine for each message: each begins with a small stack.
func stack(n int) {
	_, _, raw := pair()
	client, server := count(tls.Client(deep{raw[0]}, config)), count(tls.Server(deep{raw[1]}, config))
	go func() { check(server.Handshake()) }()
	check(client.Handshake())
	for i := 0; i < n; i++ {
		done := make(chan bool)
		go func() {
			sum := writeSmall(client.Conn, byte(i))
			client.out.Write(sum[:])
			client.n[1] += len(sum)
			done <- true
		}()
		go func() {
			sum := readSmall(server.Conn)
			server.in.Write(sum[:])
			server.n[0] += len(sum)
			done <- true
		}()
		<-done
		<-done
		if i%50 == 0 {
			runtime.GC()
		}
	}
	client.Close()
	server.Close()
	client.tell()
	server.tell()
}

func nested(n int) {
	a, b, _ := pair()
	outer := []*counted{count(a), count(b)}
	inner := []*counted{count(tls.Client(outer[0], config)), count(tls.Server(outer[1], config))}
	done := make(chan bool)
	go func() {
		got := make([]byte, n)
		_, err := io.ReadFull(inner[1], got)
		check(err)
		_, err = inner[1].Write(got)
		check(err)
		done <- true
	}()
	_, err := inner[0].Write(content(1, n))
	check(err)
	_, err = io.ReadFull(inner[0], make([]byte, n))
	check(err)
	<-done
	for _, c := range append(inner, outer...) {
		c.tell()
	}
}

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	check(err)
	return n
}

func main() {
	if os.Getenv("BYTES_TLS10") != "" {
		version = tls.VersionTLS10
	}
	certificate()
	switch os.Args[1] {
	case "sizes":
		for i := 2; i < len(os.Args); i++ {
			echo(int64(i), number(i), true)
		}
	case "goroutines":
		var all sync.WaitGroup
		for i := 0; i < number(2); i++ {
			all.Add(1)
			go func(i int) {
				defer all.Done()
				echo(int64(i), number(3)+i, true)
			}(i)
		}
		all.Wait()
	case "dropped":
		for i := 0; i < number(2); i++ {
			echo(int64(i), 100+i%5000, false)
			runtime.GC()
		}
	case "stack":
		stack(number(2))
	case "nested":
		nested(number(2))
	}
}
