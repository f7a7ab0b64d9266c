// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package deploy holds the manifests that install the operator, and the tests that hold them to the code:
//
//	kubectl apply -f ../crds -f .
//
// The numbers before the names are the order in which kubectl applies them. manifests_test.go compares rights, flags
// and times with the code; policy_test.go evaluates the admission policy as the API server does.
package deploy
