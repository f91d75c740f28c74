// SPDX-License-Identifier: BSD-2-Clause

// The API server of Kubernetes as it is published, for tests: Debian packages none.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
