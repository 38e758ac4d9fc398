#!/bin/sh
# Ordinary clients, one a line, told by what they got: NAME, a tab, the first words of the answer (or `-` where there was none).
# compare.sh runs the same script in every internet that is compared.
set -u

ask() { # NAME COMMAND: succeeds where the command does, and says something
    answer="$(timeout 8 bash -c "$2" 2>/dev/null </dev/null)"
    if [ $? -ne 0 ] || [ -z "$answer" ]; then answer=-; fi
    printf '%s\t%s\n' "$1" "$(printf '%s' "$answer" | tr -d '\r' | head -n 1 | cut -c 1-44)"
}
code="-s -o /dev/null -m 6 -w %{http_code}"
py() { printf "python3 -c '%s'" "$1"; }

for type in A AAAA TXT MX SRV NS SOA CNAME HTTPS; do
    ask "dig $type" "dig +short +tries=1 +time=3 -t $type www.example.com | grep -v '^;'"
done
ask "dig PTR" "dig +short +tries=1 +time=3 -x 198.18.7.7 | grep -v '^;'"
ask "dig over TCP" "dig +short +tcp +tries=1 +time=3 www.example.com | grep -v '^;'"
ask "dig @9.9.9.9" "dig +short +tries=1 +time=3 @9.9.9.9 www.example.com | grep -v '^;'"
ask "ping a name" "ping -c 1 -W 3 www.example.com | grep -o '1 received'"
ask "ping 203.0.113.7" "ping -c 1 -W 3 203.0.113.7 | grep -o '1 received'"
ask "ping IPv6" "ping -6 -c 1 -W 3 2001:db8::7 | grep -o '1 received'"
ask "curl http" "curl $code http://www.example.com/a.html"
ask "wget http" "wget -q -T 6 -t 1 -O - http://www.example.com/a.html | grep -c ."
ask "curl http, unusual method" "curl $code -X PURGE http://www.example.com/"
ask "curl http, range" "curl $code -r 3-5 http://www.example.com/a.html | grep 206"
ask "curl http, chunked upload" "seq 100 | curl $code -H 'Transfer-Encoding: chunked' --data-binary @- http://www.example.com/up"
ask "curl http, HTTP/2" "curl -s -o /dev/null -m 6 --http2-prior-knowledge -w '%{http_version}' http://www.example.com/ | grep 2"
ask "curl http, port 8081" "curl $code http://www.example.com:8081/"
ask "curl http, any address" "curl $code http://203.0.113.7/"
ask "curl http, IPv6" "curl -g $code 'http://[2001:db8::7]/'"
ask "curl https, verified" "curl $code https://www.example.com/"
ask "curl https, any certificate" "curl -k $code https://www.example.com/"
ask "wget https, verified" "wget -q -T 6 -t 1 -O - https://www.example.com/ | grep -c ."
ask "python3 https, verified" "$(py 'import urllib.request as u; print(u.urlopen("https://www.example.com/", timeout=6).status)')"
ask "openssl s_client, verified" "openssl s_client -connect www.example.com:443 -servername www.example.com -verify 9 -verify_return_error | grep -o 'Verification: OK'"
ask "openssl s_client, port 4444" "openssl s_client -connect 203.0.113.7:4444 | grep -o 'BEGIN CERTIFICATE'"
ask "curl by a proxy (CONNECT)" "curl -k $code -x http://www.example.com:3128 https://inside.example.com/"
ask "smtp by python3" "$(py 'import smtplib; s=smtplib.SMTP("mail.example.com", 25, timeout=6); print(s.sendmail("a@example.com", ["b@example.com"], "Subject: x\n\nx") == {})')"
ask "smtp with STARTTLS, any certificate" "$(py 'import smtplib, ssl; s=smtplib.SMTP("mail.example.com", 25, timeout=6); print(s.starttls(context=ssl._create_unverified_context())[0])')"
ask "smtp with STARTTLS, verified" "$(py 'import smtplib, ssl; s=smtplib.SMTP("mail.example.com", 25, timeout=6); print(s.starttls(context=ssl.create_default_context())[0])')"
ask "smtps by python3, any certificate" "$(py 'import smtplib, ssl; s=smtplib.SMTP_SSL("mail.example.com", 465, timeout=6, context=ssl._create_unverified_context()); print(s.noop()[0])')"
ask "ntp by python3" "$(py 'import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3); s.sendto(b"\x23"+bytes(47), ("pool.example.com", 123)); print(len(s.recv(99)), "bytes")')"
ask "ssh" "timeout 5 ssh -v -o BatchMode=yes -o ConnectTimeout=4 -o StrictHostKeyChecking=no root@www.example.com true 2>&1 | grep -o 'remote software version.*'"
ask "ftp by curl" "curl -s -m 6 -v ftp://www.example.com/ 2>&1 | grep -o '< 220.*'"
ask "nc, port 4445" "printf 'id\n' | nc -N -w 3 203.0.113.7 4445 && echo accepted"
ask "nc, port 31337" "printf 'id\n' | nc -N -w 3 www.example.com 31337 && echo accepted"
ask "nc -u, port 5000" "printf hello | nc -u -W 1 -w 3 203.0.113.7 5000"
ask "nc -u, tftp" "printf '\0\1x\0octet\0' | nc -u -W 1 -w 3 www.example.com 69 | wc -c | grep -v '^0'"
ask "cloud metadata" "curl -s -m 6 -f http://169.254.169.254/latest/meta-data/iam/security-credentials/ | grep -v '<'"
