#!/usr/bin/env bash
# Makes a Debian package of a binary: deb.sh FLOWDEX FOLDER writes FOLDER/flowdex_VERSION_ARCH.deb and prints its path.
# It depends on the packages that own the libraries which the binary names, as dpkg-shlibdeps would find them.
set -euo pipefail
binary=$1 folder=$2
here=$(cd "$(dirname "$0")" && pwd)
version=$("$binary" --version)
arch=$(dpkg --print-architecture)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"

make --no-print-directory -C "$here/../.." install-files BINARY="$(realpath "$binary")" DESTDIR="$stage" PREFIX=/usr >/dev/null
doc=$stage/usr/share/doc/flowdex
install -d "$doc"
install -m 644 "$here/../../NOTICE.md" "$doc/NOTICE.md"
install -m 644 "$here/../../LICENSE" "$doc/copyright"
gzip -9n <"$here/../../CHANGELOG.md" >"$doc/changelog.gz"

# A Swift runtime is not Debian's: a binary that is linked with one is for the machine that has it.
owners() {
  readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | while read -r library; do
    path=$(ldconfig -p | awk -v name="$library" '$1 == name { print $NF; exit }')
    [ -n "$path" ] || continue
    # Debian's merged /usr: the package may know the file by either name.
    dpkg -S "$(realpath "$path")" "$path" "/usr$path" 2>/dev/null | head -n 1 | cut -d: -f1
  done | sort -u | paste -sd, | sed 's/,/, /g'
}

install -d "$stage/DEBIAN"
cat >"$stage/DEBIAN/control" <<END
Package: flowdex
Version: $version
Architecture: $arch
Maintainer: the flowdex authors <flowdex@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$stage" | cut -f1)
Depends: $(owners "$binary")
Section: devel
Priority: optional
Description: durable workflow runtime over a queue of folders
 Runs a workflow that fans work out to agents of any kind, takes their results
 from folders as they are dropped, and ends in a report whose claims it has
 verified. Nothing is lost when anything crashes.
 .
 Needs Deno 2.9 or later on PATH or in FLOWDEX_DENO. This package is for the
 machine it was built on: see NOTICE.md before you pass it on.
END
(cd "$stage" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$stage/DEBIAN/md5sums"
mkdir -p "$folder"
dpkg-deb --root-owner-group -Zxz -z1 --build "$stage" "$folder/flowdex_${version}_$arch.deb" >/dev/null
echo "$folder/flowdex_${version}_$arch.deb"
