#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Installs AtlasDB on the local Kubernetes of KUBECONFIG, whose nodes have its image, and runs the end-to-end tests.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export KUBECTL=${KUBECTL:-${ATLASDB_CACHE:-/var/cache/atlasdb}/bin/kubectl}
# What the API server was asked, and by whom: the tests of silence and of write budgets read it.
export ATLASDB_AUDIT_LOG=${ATLASDB_AUDIT_LOG:-$(dirname "$KUBECONFIG")/audit/audit.log}

hack/deploy.sh localkube
# shellcheck disable=SC2086 # GOTEST is a command with its arguments
${GOTEST:-go test} -count=1 -tags=e2e -timeout=25m ./test/e2e
