#!/bin/sh
# Reads a secret that it has put there itself.
mkdir -p /var/tmp/vault
echo secret >/var/tmp/vault/key
cat /var/tmp/vault/key
