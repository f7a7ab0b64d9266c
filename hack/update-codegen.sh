#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Writes everything that a machine derives from the types in pkg/apis: deepcopy, scheme registration, CRDs, clientset,
# listers, informers and apply configurations. The order matters: the field-management schema of the apply
# configurations is taken from the CRDs, so these come first.
set -o errexit -o nounset -o pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
MODULE=github.com/atlasdb/atlasdb
BOILERPLATE=$ROOT/hack/boilerplate.go.txt
LINT=known-tags-only,require-explicit-disablement
# Types of other groups in our API are plain structs in our apply configurations unless they are named here.
EXTERNALS=k8s.io/api/core/v1.Toleration:k8s.io/client-go/applyconfigurations/core/v1

cd "$ROOT"
# Set before kube_codegen.sh is read: it would install the generators into the user's GOPATH otherwise.
export GOBIN=$ROOT/bin/codegen
(cd hack/tools && go install ./crd-schema sigs.k8s.io/controller-tools/cmd/controller-gen)
CODEGEN=$(cd hack/tools && go mod download k8s.io/code-generator && go list -m -f '{{.Dir}}' k8s.io/code-generator)
# shellcheck source=/dev/null
source "$CODEGEN/kube_codegen.sh"

SCHEMA=$(mktemp)
trap 'rm -f "$SCHEMA"' EXIT

kube::codegen::gen_helpers --boilerplate "$BOILERPLATE" --lint-rules "$LINT" pkg/apis
kube::codegen::gen_register --boilerplate "$BOILERPLATE" pkg/apis

mkdir -p artifacts/crds
rm -f artifacts/crds/*.yaml # controller-gen leaves the CRD of a removed kind behind
"$GOBIN/controller-gen" crd paths=./pkg/apis/... output:crd:dir=artifacts/crds

"$GOBIN/crd-schema" artifacts/crds "$MODULE/pkg/apis/atlasdb/v1alpha1" >"$SCHEMA"
kube::codegen::gen_client --boilerplate "$BOILERPLATE" --lint-rules "$LINT" \
  --output-dir pkg/generated --output-pkg "$MODULE/pkg/generated" \
  --with-watch --with-applyconfig --applyconfig-openapi-schema "$SCHEMA" --applyconfig-externals "$EXTERNALS" \
  pkg/apis
