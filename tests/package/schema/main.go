// SPDX-License-Identifier: BSD-2-Clause

// Reads Kubernetes manifests as the API server's own types, strictly: what is not a field, has another type or stands
// twice is an error. Prints each as a line of JSON.
//
//	schema FILE...
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	stream "k8s.io/apimachinery/pkg/util/yaml"
	k8sjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

var types = map[string]func() any{
	"v1/Namespace":       func() any { return &core.Namespace{} },
	"v1/ServiceAccount":  func() any { return &core.ServiceAccount{} },
	"v1/ConfigMap":       func() any { return &core.ConfigMap{} },
	"v1/Service":         func() any { return &core.Service{} },
	"apps/v1/DaemonSet":  func() any { return &apps.DaemonSet{} },
	"apps/v1/Deployment": func() any { return &apps.Deployment{} },
	"rbac.authorization.k8s.io/v1/ClusterRole":        func() any { return &rbac.ClusterRole{} },
	"rbac.authorization.k8s.io/v1/ClusterRoleBinding": func() any { return &rbac.ClusterRoleBinding{} },
	"monitoring.coreos.com/v1/ServiceMonitor":         func() any { return &monitoring.ServiceMonitor{} },
}

func read(text []byte) error {
	var kind meta.TypeMeta
	if err := yaml.Unmarshal(text, &kind); err != nil {
		return err
	}
	if kind.Kind == "" && len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	name := kind.APIVersion + "/" + kind.Kind
	make, ok := types[name]
	if !ok {
		return fmt.Errorf("no type for %q", name)
	}
	object := make()
	converted, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	// As the API server does it: capitals matter.
	strict, err := k8sjson.UnmarshalStrict(converted, object)
	if err = errors.Join(append(strict, err)...); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return json.NewEncoder(os.Stdout).Encode(object)
}

func readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	documents := stream.NewYAMLReader(bufio.NewReader(f))
	for {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && onlyComments(text) {
			continue
		}
		if err == nil {
			err = read(text)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
}

func onlyComments(text []byte) bool {
	for _, line := range bytes.Split(text, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("---")) {
			return false
		}
	}
	return true
}

func main() {
	for _, path := range os.Args[1:] {
		if err := readFile(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
