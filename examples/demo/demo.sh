#!/bin/sh
# A harmless artifact that does what dropped programs do: it writes a program and runs it, starts a process that
# outlives the first step, asks for the password hashes, and calls home. Nothing of it leaves the environment.

echo "hello from $(id -un) on $(uname -n)"

# Drop a program and run it.
dropped=/tmp/.cache-helper
printf '#!/bin/sh\necho "dropped program runs as process $$"\n' >"$dropped"
chmod 700 "$dropped"
"$dropped"

# Fork: one child waits for another.
(
    : >/tmp/child-was-here &
    wait
)

# Read the password hashes.
if hashes="$(cat /etc/shadow 2>/dev/null)"; then
    echo "the password hashes can be read: $(echo "$hashes" | wc -l) lines"
else
    echo "the password hashes are out of reach"
fi

# Call home: an address that is reserved for documentation, by whatever this system has for it.
connect() {
    if command -v bash >/dev/null; then
        bash -c 'exec 3<>/dev/tcp/192.0.2.1/443' 2>/dev/null
    elif command -v nc >/dev/null; then
        nc -w 2 192.0.2.1 443 </dev/null 2>/dev/null
    else
        return 1
    fi
}
if connect; then echo "called home"; else echo "nobody answers"; fi

# Leave without a trace, or so it thinks.
rm -f "$dropped"
