// An agent on Go's standard library, Anthropic Messages: agent messages json|stream
// AGENT_PARALLEL=N: so many at once, with one client.
//
//	agent h2 N		HTTP/2 with a server in this program, a body of N bytes each way
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

type object = map[string]any

type block struct {
	Type      string          `json:"type"`
	Text      string          `json:"text,omitempty"`
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
	Input     json.RawMessage `json:"input,omitempty"`
	ToolUseID string          `json:"tool_use_id,omitempty"`
	Content   string          `json:"content,omitempty"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func whole(r io.Reader) []block {
	var answer struct{ Content []block }
	body, err := io.ReadAll(r)
	check(err)
	check(json.Unmarshal(body, &answer))
	return answer.Content
}

func streamed(r io.Reader) (blocks []block) {
	var event struct {
		Type  string
		Index int
		Block block `json:"content_block"`
		Delta struct {
			Text string
			JSON string `json:"partial_json"`
		}
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		data := strings.TrimPrefix(lines.Text(), "data: ")
		if data == lines.Text() {
			continue
		}
		event.Delta.Text, event.Delta.JSON = "", ""
		check(json.Unmarshal([]byte(data), &event))
		switch event.Type {
		case "content_block_start":
			event.Block.Input = nil
			blocks = append(blocks, event.Block)
		case "content_block_delta":
			b := &blocks[event.Index]
			b.Text += event.Delta.Text
			b.Input = append(b.Input, event.Delta.JSON...)
		}
	}
	check(lines.Err())
	return blocks
}

func ask(client *http.Client, messages []object, stream bool) []block {
	schema := object{"type": "object", "properties": object{"command": object{"type": "string"}}}
	body, err := json.Marshal(object{"model": "claude-sonnet-4-6", "max_tokens": 1024, "stream": stream, "messages": messages,
		"tools": []object{{"name": "bash", "input_schema": schema}}})
	check(err)
	request, err := http.NewRequest("POST", os.Getenv("ANTHROPIC_BASE_URL")+"/v1/messages", bytes.NewReader(body))
	check(err)
	request.Header.Set("content-type", "application/json")
	request.Header.Set("x-api-key", os.Getenv("ANTHROPIC_API_KEY"))
	response, err := client.Do(request)
	check(err)
	defer response.Body.Close()
	if stream {
		return streamed(response.Body)
	}
	return whole(response.Body)
}

func converse(client *http.Client, stream bool) {
	messages := []object{{"role": "user", "content": "Run the tool, then say what it printed."}}
	for {
		answer := ask(client, messages, stream)
		var results []block
		for _, b := range answer {
			if b.Type == "text" {
				fmt.Println(b.Text)
			}
			if b.Type != "tool_use" {
				continue
			}
			var input struct{ Command string }
			check(json.Unmarshal(b.Input, &input))
			out, err := exec.Command("/bin/sh", "-c", input.Command).Output()
			check(err)
			results = append(results, block{Type: "tool_result", ToolUseID: b.ID, Content: string(out)})
		}
		if len(results) == 0 {
			return
		}
		messages = append(messages, object{"role": "assistant", "content": answer}, object{"role": "user", "content": results})
	}
}

func h2(n int) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(w, r.Body)
		check(err)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	body := bytes.Repeat([]byte("0123456789"), n/10)
	response, err := server.Client().Post(server.URL, "", bytes.NewReader(body))
	check(err)
	got, err := io.ReadAll(response.Body)
	check(err)
	if response.ProtoMajor != 2 || !bytes.Equal(got, body) {
		check(fmt.Errorf("%s, %d bytes", response.Proto, len(got)))
	}
	server.Close()
}

func main() {
	if os.Args[1] == "h2" {
		n, err := strconv.Atoi(os.Args[2])
		check(err)
		h2(n)
		return
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{} // no HTTP/2
	client := &http.Client{Transport: transport}
	n, err := strconv.Atoi(os.Getenv("AGENT_PARALLEL"))
	if err != nil {
		n = 1
	}
	var all sync.WaitGroup
	for i := 0; i < n; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			converse(client, os.Args[2] == "stream")
		}()
	}
	all.Wait()
}
