#!/bin/sh
# Makes a test authority and a certificate for localhost in DIR, where they are not there yet.
#   certs.sh DIR	writes ca.pem, server.pem, server.key
set -eu
dir=$1
[ ! -e "$dir/server.pem" ] || exit 0
mkdir -p "$dir"
cd "$dir"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=sonde test authority' \
	-addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign' \
	-keyout ca.key -out ca.pem 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' -keyout server.key -out server.csr 2>/dev/null
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n' >ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile ext -out server.pem.new 2>/dev/null
cat ca.pem >>server.pem.new
mv server.pem.new server.pem
chmod 644 ./*.pem server.key
