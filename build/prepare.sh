# Sourced by ./plumb and ./test: prepares this machine and this tree once, and is quick from then on.
# Sets nothing but functions; expects $root. Everything it makes is under artifacts/.

say() { printf 'plumb: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# One command, or with sudo where that asks no password; false where neither may install packages.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo "$@"; else return 1; fi
}

apt_install() {
    command -v apt-get >/dev/null || return 1
    say "installing $* (apt-get; this happens once)"
    as_root apt-get update -qq >/dev/null 2>&1 || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >"$root/artifacts/apt.log" 2>&1 || {
        say "apt-get could not install $*; its words are in artifacts/apt.log"
        return 1
    }
}

need_tool() { # command, package
    command -v "$1" >/dev/null || apt_install "$2" || fail "$1 is missing: it builds the native part. Install it ($2) and try again."
}

debian_libtorch() { [ -e /usr/include/torch/csrc/api/include/torch/torch.h ] && ls /usr/lib/*/libtorch.so >/dev/null 2>&1; }

python_libtorch() {
    local python folder
    for python in python3 /usr/bin/python3; do
        folder=$("$python" -c 'import importlib.util, os; s = importlib.util.find_spec("torch"); print(os.path.dirname(s.origin) if s and s.origin else "")' 2>/dev/null) || continue
        [ -n "$folder" ] && [ -e "$folder/lib/libtorch.so" ] && [ -d "$folder/include" ] && { printf '%s\n' "$folder"; return 0; }
    done
    return 1
}

# Prints a libtorch folder, or nothing for the distribution's.
find_libtorch() {
    if [ -n "${LIBTORCH:-}" ]; then
        [ -e "$LIBTORCH/lib/libtorch.so" ] || fail "LIBTORCH is $LIBTORCH, and there is no lib/libtorch.so in it. Point it at a folder with include/ and lib/, or unset it."
        printf '%s\n' "$LIBTORCH"
    elif debian_libtorch; then :
    elif python_libtorch; then :
    elif apt_install libtorch-dev libopenblas0-pthread && debian_libtorch; then :
    else
        fail "no libtorch found. Install libtorch-dev and libopenblas0-pthread (Debian, Ubuntu), or PyTorch (pip install torch), or set LIBTORCH to an unpacked libtorch."
    fi
}

# With the distribution's default BLAS a matrix product takes thirty times as long.
check_blas() {
    [ -z "$1" ] || return 0
    ls /usr/lib/*/openblas-pthread/libblas.so.3 >/dev/null 2>&1 || apt_install libopenblas0-pthread ||
        say "warning: libopenblas0-pthread is missing; matrix products will be about thirty times slower. Install it."
}

build_native() {
    local libtorch=$1
    need_tool cmake cmake
    need_tool g++ g++
    say "building the native part against ${libtorch:-the system libtorch} (about a minute, once)"
    cmake -S "$root/native" -B "$root/artifacts/native-build" -DCMAKE_BUILD_TYPE=Release -DPLUMB_LIBTORCH="$libtorch" >"$root/artifacts/native.log" 2>&1 &&
        cmake --build "$root/artifacts/native-build" -j 2 >>"$root/artifacts/native.log" 2>&1 || {
        grep -iE 'error' "$root/artifacts/native.log" | head -5 >&2
        fail "the native part did not build; the whole log is artifacts/native.log"
    }
}

build_managed() {
    command -v dotnet >/dev/null || fail "the .NET SDK is missing: install the .NET 10 SDK and put dotnet on the PATH."
    say "building the solution in Release (a minute or two, once)"
    (cd "$root" && dotnet build build/Everything.csproj -c Release -v quiet --nologo -clp:ErrorsOnly "$@" >"$root/artifacts/build.log" 2>&1) || {
        grep -E 'error|warning' "$root/artifacts/build.log" | sort -u | head -20 >&2
        fail "the build failed; the whole log is artifacts/build.log"
    }
}

# A plugin whose folder was deleted is not installed any more; what users dropped into the folder themselves stays.
prune_plugins() {
    local list="$root/artifacts/.built-plugins" name
    find "$root/plugins" -name '*.csproj' -exec basename {} .csproj \; | sort >"$list.new"
    if [ -e "$list" ]; then
        comm -23 "$list" "$list.new" | while read -r name; do
            say "removing plugin $name from artifacts/plugins: its sources are gone"
            rm -rf "$root/artifacts/plugins/$name"
        done
    fi
    mv "$list.new" "$list"
}

# Newer than a stamp? Folders count too: their time changes when something in them is deleted.
changed() { # stamp, paths...
    local stamp=$1
    shift
    [ ! -e "$stamp" ] || [ -n "$(find "$@" -newer "$stamp" -print -quit 2>/dev/null)" ]
}

prepare() { # name of the stamp, what to look at beside the sources, further arguments of the build
    local stamp="$root/artifacts/.prepared-$1" extra=$2
    shift 2
    local sources=("$root/src" "$root/plugins" "$root/build" "$root"/Directory.* "$root/global.json")
    [ -n "$extra" ] && sources+=("$root/$extra")
    local native="$root/artifacts/.prepared-native"
    local used
    used=$(cat "$native" 2>/dev/null || true)
    if ! changed "$native" "$root/native" && [ "$used" = "${LIBTORCH:-}" ] && ! changed "$stamp" "${sources[@]}"; then
        return 0
    fi

    mkdir -p "$root/artifacts"
    exec 9>"$root/artifacts/.prepare.lock"
    flock 9
    # The stamps are as old as the beginning: a file saved while the build runs is built the next time.
    if changed "$native" "$root/native" || [ "$used" != "${LIBTORCH:-}" ]; then
        local libtorch
        touch "$native.begun"
        libtorch=$(find_libtorch) || exit 1
        check_blas "$libtorch"
        build_native "$libtorch"
        printf '%s' "${LIBTORCH:-}" >"$native"
        touch -r "$native.begun" "$native"
    fi
    if changed "$stamp" "${sources[@]}"; then
        touch "$stamp.begun"
        build_managed "$@"
        prune_plugins
        mv "$stamp.begun" "$stamp"
    fi
    exec 9>&-
}
