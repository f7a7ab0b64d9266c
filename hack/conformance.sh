#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Holds the engine ENGINE, or what CI has time for of all, to the promises of test/e2e/conformance. RUN chooses among
# its behaviours, as `go test -run` does.
#
# With KUBECONFIG it runs on that cluster, where AtlasDB is installed; otherwise on the local Kubernetes, where this
# installs it.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -z ${KUBECONFIG:-} ]]; then
  export LOCALKUBE=$PWD/bin/localkube KUBECTL=$ATLASDB_CACHE/bin/kubectl
  KUBECONFIG=$("$LOCALKUBE" --name "$LOCALKUBE_NAME" kubeconfig)
  # What the API server was asked, and by whom: silence and write budgets are read from it.
  export KUBECONFIG ATLASDB_AUDIT_LOG=${KUBECONFIG%/*}/audit/audit.log
  hack/deploy.sh localkube
fi
# Only a verbose run tells what was skipped; in CI nothing is.
FLAGS=(-count=1 -tags=conformance -timeout=30m ${RUN:+-run="$RUN"})
[[ -n ${CI:-} ]] || FLAGS+=(-v)
# shellcheck disable=SC2086 # GOTEST is a command with its arguments
${GOTEST:-go test} "${FLAGS[@]}" ./test/e2e/conformance ${ENGINE:+-engine="$ENGINE"}
