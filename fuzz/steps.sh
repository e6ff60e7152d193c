# Sourced by fuzz/run, fuzz/coverage and fuzz/plant.
source "$(dirname "${BASH_SOURCE[0]}")/../deploy/steps.sh"

need_dotnet
dotnet build "$root/fuzz" -c "$configuration" -v quiet --nologo -p:RunAnalyzers=false >"$root/artifacts/fuzz.log" 2>&1 || {
    cat "$root/artifacts/fuzz.log" >&2
    die "the build failed"
}
built=$root/fuzz/bin/$configuration/net10.0

fuzz() { dotnet "$built/Posthorn.Fuzz.dll" "$@"; }

# instrument edges|lines: a copy of what was built, in which the rooms tell where they have been.
instrument() {
    copy=$(mktemp -d "$root/artifacts/fuzz-$1-XXXXXX")
    trap 'rm -rf "$copy"' EXIT
    cp -r "$built/." "$copy"
    fuzz instrument "$1" "$copy"
}
