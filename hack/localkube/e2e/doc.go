// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e checks a running instance for what the project's own end-to-end tests take for granted. It is run as
//
//	KUBECONFIG=$(localkube kubeconfig) go test -count=1 -tags=e2e ./e2e
package e2e
