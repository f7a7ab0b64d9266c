#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Fails when a Go file of any module is not formatted.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
unformatted=$(gofmt -s -l artifacts cmd hack pkg test)
if [[ -n $unformatted ]]; then
  printf '%s\nNot formatted. Run: gofmt -s -w artifacts cmd hack pkg test\n' "$unformatted" >&2
  exit 1
fi
