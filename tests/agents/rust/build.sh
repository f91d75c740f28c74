#!/bin/bash
# Builds the Rust client: minutes, for the whole of it is compiled as one.
#   build.sh DIR	DIR/rust/target/release/sonde-rust-client
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$1/rust
command -v cargo >/dev/null || { echo "no cargo: the Rust client is not built" >&2; exit 0; }
mkdir -p "$dir"
cp -r "$here/Cargo.toml" "$here/src" "$dir/"
cd "$dir"
cargo build --release --quiet
