#!/usr/bin/env python3
"""Two VLAN switches joined by a trunk, for kernels without 8021q.

usage: vlan-switch.py TRUNK:VLAN=PORT[,VLAN=PORT] ...

What comes in on an access port leaves on the trunk with an 802.1Q tag; what comes in on the trunk loses its tag and
leaves on the port of that VLAN. The kernel takes a received tag out of the frame and puts it into PACKET_AUXDATA.
"""
import select
import socket
import struct
import sys

SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 263, 8, 4
ETH_P_ALL, TPID = 0x0003, 0x8100
TP_STATUS_VLAN_VALID = 1 << 4


def open_port(name):
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    port.bind((name, 0))
    port.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    return port


def receive(port):
    """One frame and its VLAN, which is None for an untagged frame. (None, None) for what this host sent itself."""
    frame, extra, _, address = port.recvmsg(65536, 256)
    if address[2] == PACKET_OUTGOING:
        return None, None
    for level, kind, data in extra:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                return frame, tci & 0xFFF
    return frame, None


def main():
    out = {}
    for switch in sys.argv[1:]:
        trunk_name, ports = switch.split(":")
        trunk = open_port(trunk_name)
        by_vlan = {}
        for item in ports.split(","):
            vlan, name = item.split("=")
            by_vlan[int(vlan)] = open_port(name)
            out[by_vlan[int(vlan)]] = (trunk, int(vlan))
        out[trunk] = by_vlan
    while True:
        for port in select.select(list(out), [], [])[0]:
            frame, vlan = receive(port)
            if frame is None:
                continue
            if isinstance(out[port], dict):
                if vlan in out[port]:
                    out[port][vlan].send(frame)
            else:
                trunk, tag = out[port]
                trunk.send(frame[:12] + struct.pack("!HH", TPID, tag) + frame[12:])


main()
