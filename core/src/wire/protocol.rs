//! Protocol numbers (IANA "Assigned Internet Protocol Numbers", "IEEE 802 Numbers").
//!
//! ```
//! use tcpexposure_core::wire::protocol;
//! assert!(protocol::is_extension(protocol::FRAGMENT));
//! assert!(!protocol::is_extension(protocol::TCP));
//! ```

/// IPv6 hop-by-hop options (RFC 8200, section 4.3).
pub const HOP_BY_HOP: u8 = 0;
/// ICMP (RFC 792).
pub const ICMP: u8 = 1;
/// TCP (RFC 9293).
pub const TCP: u8 = 6;
/// UDP (RFC 768).
pub const UDP: u8 = 17;
/// IPv6 routing header (RFC 8200, section 4.4).
pub const ROUTING: u8 = 43;
/// IPv6 fragment header (RFC 8200, section 4.5).
pub const FRAGMENT: u8 = 44;
/// Encapsulating security payload (RFC 4303).
pub const ESP: u8 = 50;
/// Authentication header (RFC 4302).
pub const AUTHENTICATION: u8 = 51;
/// ICMPv6 (RFC 4443).
pub const ICMPV6: u8 = 58;
/// Nothing follows (RFC 8200, section 4.7).
pub const NO_NEXT_HEADER: u8 = 59;
/// IPv6 destination options (RFC 8200, section 4.6).
pub const DESTINATION_OPTIONS: u8 = 60;
/// Mobility header (RFC 6275).
pub const MOBILITY: u8 = 135;
/// Host identity protocol (RFC 7401).
pub const HOST_IDENTITY: u8 = 139;
/// Shim6 (RFC 5533).
pub const SHIM6: u8 = 140;

/// Tells whether `next_header` is an IPv6 extension header with a length that can be walked over.
#[inline]
#[must_use]
pub const fn is_extension(next_header: u8) -> bool {
    matches!(
        next_header,
        HOP_BY_HOP
            | ROUTING
            | FRAGMENT
            | AUTHENTICATION
            | DESTINATION_OPTIONS
            | MOBILITY
            | HOST_IDENTITY
            | SHIM6
    )
}

/// IPv4 over Ethernet.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// ARP over Ethernet.
pub const ETHERTYPE_ARP: u16 = 0x0806;
/// An IEEE 802.1Q customer tag.
pub const ETHERTYPE_VLAN: u16 = 0x8100;
/// IPv6 over Ethernet.
pub const ETHERTYPE_IPV6: u16 = 0x86dd;
/// An IEEE 802.1ad service tag.
pub const ETHERTYPE_SERVICE_VLAN: u16 = 0x88a8;
/// The service tag that was in use before IEEE 802.1ad.
pub const ETHERTYPE_OLD_SERVICE_VLAN: u16 = 0x9100;

/// Another that was in use then, for tags within tags.
pub const ETHERTYPE_OLD_VLAN: u16 = 0x9200;

/// Tells whether `ethertype` announces a VLAN tag.
#[inline]
#[must_use]
pub const fn is_vlan(ethertype: u16) -> bool {
    matches!(
        ethertype,
        ETHERTYPE_VLAN | ETHERTYPE_SERVICE_VLAN | ETHERTYPE_OLD_SERVICE_VLAN | ETHERTYPE_OLD_VLAN
    )
}
