#!/usr/bin/env bash
# Runs programs on an emulated Ice Lake: AVX-512 with VNNI, on any machine.
#
#   avx512.sh WORK_DIR PROGRAM...
#
# Bochs boots a Debian kernel whose initramfs holds the programs, the shared
# libraries that they need, and a script that runs them all. Of a *_test only
# the cases for AVX3 and AVX3_DL run, without data. What they print comes over
# the serial port.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/packages.sh"
work=$1
shift
mkdir -p "$work"
work=$(cd "$work" && pwd)

need bochs bochs-term isolinux syslinux-common genisoimage cpio binutils
unpack amd64 "$work/kernel" linux-image-cloud-amd64

# The guest's root: PROGRAM... and a few of this machine's, with the libraries
# that they need at the same paths.
guest=$work/guest
rm -rf "$guest" "$work/disc"
mkdir -p "$guest"/{proc,programs} "$work/disc"
tools=(/bin/sh /bin/mount /bin/sleep /bin/grep /bin/cat /usr/bin/head)
cp -L --parents "${tools[@]}" "$guest"
for program in "${tools[@]}" "$@"; do
  ldd "$program" | grep -o '/[^ ]*' | xargs cp -Lu --parents -t "$guest"
done
for program in "$@"; do strip -o "$guest/programs/${program##*/}" "$program"; done

# A filter that matches nothing passes, hence the look for a case on AVX3_DL.
# Of a failed test only the start and the summary are printed: the serial port
# is slow. The kernel restarts by a triple fault, at which Bochs ends.
cat >"$guest/init" <<'END'
#!/bin/sh
PATH=/bin:/usr/bin
mount -t proc proc /proc
for program in /programs/*; do
  filter=
  case $program in *_test) filter='--gtest_filter=*/AVX3*' ;; esac
  if $program $filter >/log 2>&1 &&
    { [ -z "$filter" ] || grep -qE '(OK|SKIPPED) .*/AVX3_DL' /log; }; then
    cat /log
    echo "@ ${program#/programs/} passed"
  else
    head -n 40 /log
    grep -E '^\[  (FAILED|PASSED) ' /log
    echo "@ ${program#/programs/} failed"
  fi
done
echo "@ all done"
sleep 1
echo b >/proc/sysrq-trigger
END
chmod +x "$guest/init"
(cd "$guest" && find . | cpio -o -H newc --quiet) >"$work/disc/initrd"

# Bochs 2.7 reports wrong sizes of the XSAVE area for PKU and the compact
# forms, and FSRM without ERMS, which sends the kernel's memmove astray.
cat >"$work/disc/isolinux.cfg" <<'END'
default nibble
prompt 0
label nibble
kernel vmlinuz
initrd initrd
append console=ttyS0 loglevel=1 clearcpuid=pku,xsavec,xsaves,fsrm mitigations=off cryptomgr.notests reboot=t
END
cp "$work"/kernel/boot/vmlinuz-* "$work/disc/vmlinuz"
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 \
  "$work/disc"
genisoimage -quiet -o "$work/disc.iso" -b isolinux.bin -no-emul-boot \
  -boot-load-size 4 -boot-info-table "$work/disc"

# A low count of instructions per second makes waiting cheap: for the timer,
# and for the serial port.
cat >"$work/bochsrc" <<'END'
cpu: model=corei7_icelake_u, ips=20000000, reset_on_triple_fault=0
memory: guest=512, host=512
romimage: file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot
vgaromimage: file=/usr/share/vgabios/vgabios.bin
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=disc.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=serial.txt
display_library: term
sound: driver=dummy
speaker: enabled=0
log: bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
END
# Debian's Bochs waits in its debugger, on a terminal: continue, at the end quit.
printf 'c\nq\n' >"$work/commands"
: >"$work/serial.txt"
(cd "$work" && TERM=vt100 script -qc 'exec bochs -f bochsrc -rc commands' \
  /dev/null >bochs.txt </dev/null) || true
tr -d '\r' <"$work/serial.txt" | tee "$work/log"

rm -rf "$guest" "$work"/disc*
grep -q '^@ all done' "$work/log" || {
  echo "the emulated machine stopped early; see $work/bochs.txt"
  exit 1
}
status=0
for program in "${@##*/}"; do
  if ! grep -q "^@ $program passed" "$work/log"; then
    echo "$program failed"
    status=1
  fi
done
exit $status
