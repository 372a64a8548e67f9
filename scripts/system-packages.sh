#!/bin/sh
# Installs Debian packages by what they are needed for, when root or sudo can; says what is missing otherwise.
# Usage: system-packages.sh php chromium redis nginx wrk
set -eu

packages=""
for need in "$@"; do
    case "$need" in
        php)      command -v php          >/dev/null 2>&1 || packages="$packages php-cli" ;;
        php-fpm)  ls /usr/sbin/php-fpm*   >/dev/null 2>&1 || packages="$packages php-fpm" ;;
        chromium) command -v chromium     >/dev/null 2>&1 || packages="$packages chromium" ;;
        redis)    command -v redis-server >/dev/null 2>&1 || packages="$packages redis-server" ;;
        valgrind) command -v valgrind     >/dev/null 2>&1 || packages="$packages valgrind" ;;
        nginx)    [ -x /usr/sbin/nginx ]                  || packages="$packages nginx-light" ;;
        wrk)      command -v wrk          >/dev/null 2>&1 || packages="$packages wrk" ;;
        haproxy)  [ -x /usr/sbin/haproxy ]                || packages="$packages haproxy" ;;
        buildah)  command -v buildah      >/dev/null 2>&1 || packages="$packages buildah" ;;
        mmdebstrap) command -v mmdebstrap >/dev/null 2>&1 || packages="$packages mmdebstrap" ;;
        prometheus) command -v promtool   >/dev/null 2>&1 || packages="$packages prometheus" ;;
        alertmanager) command -v prometheus-alertmanager >/dev/null 2>&1 || packages="$packages prometheus-alertmanager" ;;
        kubectl)  command -v kubectl      >/dev/null 2>&1 || packages="$packages kubernetes-client" ;;
        *) echo "system-packages.sh: unknown need: $need" >&2; exit 2 ;;
    esac
done
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing:$packages (install them with your system's package manager)" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        echo "Missing:$packages (as root: apt-get install$packages)" >&2
        exit 1
    fi
fi
echo "Installing with apt:$packages"
# No package may start a service of its own: the tests start what they need.
policy=/usr/sbin/policy-rc.d
made_policy=""
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod +x "$policy"
    made_policy=yes
fi
status=0
$as_root apt-get update -qq >/dev/null || true
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null || status=$?
[ -z "$made_policy" ] || $as_root rm -f "$policy"
[ "$status" -eq 0 ] || echo "apt-get could not install:$packages" >&2
exit "$status"
