#!/bin/bash
cd /sonde || exit 1
echo "# $(uname -r)"
certs=/sonde/certs
/usr/bin/python3 tests/mock/llm_server.py --http 0 --https 0 --certs $certs --log /tmp/truth --ready /tmp/ready &
for _ in $(seq 300); do [ -s /tmp/ready ] && break; sleep 0.2; done
HTTP=http://localhost:$(awk '/^http /{ print $2 }' /tmp/ready)
HTTPS=https://localhost:$(awk '/^https /{ print $2 }' /tmp/ready)
export SSL_CERT_FILE=$certs/ca.pem ANTHROPIC_API_KEY=k OPENAI_API_KEY=k
chmod 755 /sonde /tmp; chmod 1777 /tmp
try() {
  rm -rf /tmp/s; mkdir /tmp/s
  /usr/bin/python3 tests/e2e/caps.py "$1" timeout 100 ./capture -q -d /tmp/s -- /usr/bin/python3 -c 'import os,sys; os.setgid(65534); os.setuid(65534); os.execv(sys.argv[1], sys.argv[1:])' /usr/bin/python3 tests/demo/agent.py --base "$2" --api chat >/tmp/out 2>/tmp/err
  if grep -q '"messages"' /tmp/s/* 2>/dev/null; then echo whole; else echo "NOT $(grep -v '^$' /tmp/err | tail -2 | tr '\n' ' ' | head -c 150) $(grep -a COVER /tmp/out | head -c 80)"; fi
}
R=SETUID,SETGID
F=BPF,PERFMON,SYS_PTRACE,DAC_READ_SEARCH,CHECKPOINT_RESTORE,$R
for round in unmounted mounted; do
for s in $F,SYS_ADMIN $F ; do echo "# $round $s: tls $(try $s $HTTPS); http $(try $s $HTTP)"; done
[ $round = mounted ] || /bin/busybox mount -t tracefs tracefs /sys/kernel/tracing
done
for c in BPF PERFMON SYS_PTRACE DAC_READ_SEARCH CHECKPOINT_RESTORE; do
  s=$(echo $F | sed "s/\b$c,//"); echo "# without $c: tls $(try $s $HTTPS); http $(try $s $HTTP)"
  s=$s,SYS_ADMIN;  echo "# without $c, with SYS_ADMIN: tls $(try $s $HTTPS)"
done
echo "# bare BPF,PERFMON,$R: tls $(try BPF,PERFMON,$R $HTTPS) http $(try BPF,PERFMON,$R $HTTP)"
exit 0
