#!/usr/bin/env bash
# Builds and tests the Swift package where a Swift toolchain is, and checks what it writes with the Python side.
# Swift is no part of the setup: README.md here says where to get it. SWIFT may be a command of several words.
set -euo pipefail
cd "$(dirname "$0")/../.."
read -ra swift <<<"${SWIFT:-swift}"
package=(--package-path "$PWD/runtimes/ios" --scratch-path "$PWD/build/ios")
cross="$PWD/build/ios-cross"

if ! "${swift[@]}" --version >/dev/null 2>&1; then
  echo "test-ios: not run: '${swift[*]}' is no Swift toolchain here. runtimes/ios/README.md says how to get one."
  exit 0
fi
"${swift[@]}" build "${package[@]}" --build-tests
if [ ! -x .venv/bin/pam-edge ]; then
  "${swift[@]}" test "${package[@]}" --skip-build
  echo "test-ios: not run: the check against the Python side, which takes 'make setup'."
  exit 0
fi
.venv/bin/python -m tests.ios prepare "$cross"
PAM_EDGE_CROSS="$cross" "${swift[@]}" test "${package[@]}" --skip-build
.venv/bin/python -m tests.ios check "$cross"
