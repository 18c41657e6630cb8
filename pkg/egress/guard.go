package egress

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// Guard says which addresses may be dialled. The zero value refuses link-local,
// multicast, unspecified and cloud metadata addresses and nothing else; those
// are refused always.
type Guard struct {
	// Strict also refuses loopback and private ranges, for traffic whose
	// destination a tenant chose and that has no business inside the cluster.
	Strict bool
	// Denied lists further ranges that are refused, for example the pod and
	// service ranges of the cluster.
	Denied []netip.Prefix
	// Allowed lists ranges that Strict and Denied do not concern. What is refused
	// always stays refused.
	Allowed []netip.Prefix
}

// DeniedError says that an address may not be dialled.
type DeniedError struct {
	// Address is the resolved address that was about to be dialled.
	Address netip.Addr
	// Why names the rule that refused it.
	Why string
}

// Error returns the sentence shown to users.
func (e *DeniedError) Error() string {
	return fmt.Sprintf("address %s is refused: %s", e.Address, e.Why)
}

// Check returns a *DeniedError if the address may not be dialled.
func (g Guard) Check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	if why := alwaysDenied(addr); why != "" {
		return &DeniedError{Address: addr, Why: why}
	}
	contains := func(p netip.Prefix) bool { return p.Contains(addr) }
	if slices.ContainsFunc(g.Allowed, contains) {
		return nil
	}
	if slices.ContainsFunc(g.Denied, contains) {
		return &DeniedError{Address: addr, Why: "it is in a range that the configuration denies"}
	}
	if g.Strict && (addr.IsLoopback() || addr.IsPrivate()) {
		return &DeniedError{Address: addr, Why: "loopback and private addresses are not allowed here"}
	}
	return nil
}

// alwaysDenied names the rule under which nobody may dial the address.
func alwaysDenied(addr netip.Addr) string {
	switch {
	case addr.IsLinkLocalUnicast():
		return "link-local addresses are never dialled"
	case isMetadata(addr):
		return "cloud metadata addresses are never dialled"
	case addr.IsMulticast():
		return "multicast addresses are never dialled"
	case addr.IsUnspecified():
		return "the unspecified address is never dialled"
	}
	if v4, ok := embeddedIPv4(addr); ok {
		return alwaysDenied(v4)
	}
	return ""
}

// isMetadata knows the metadata services that are not link-local: AWS over
// IPv6, Alibaba Cloud and the Azure platform address.
func isMetadata(addr netip.Addr) bool {
	switch addr {
	case netip.AddrFrom16([16]byte{0xfd, 0x00, 0x0e, 0xc2, 14: 0x02, 15: 0x54}),
		netip.AddrFrom4([4]byte{100, 100, 100, 200}),
		netip.AddrFrom4([4]byte{168, 63, 129, 16}):
		return true
	}
	return false
}

// embeddedIPv4 is the address a NAT64 gateway (64:ff9b::/96) would dial.
func embeddedIPv4(addr netip.Addr) (netip.Addr, bool) {
	if !addr.Is6() {
		return netip.Addr{}, false
	}
	b := addr.As16()
	if [12]byte(b[:12]) != [12]byte{0x00, 0x64, 0xff, 0x9b} {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(b[12:])), true
}

// control is the last look before connect(2): address is what was resolved.
func (g Guard) control(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return err
	}
	return g.Check(addr)
}
