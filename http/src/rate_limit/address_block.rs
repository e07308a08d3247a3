//! Tells clients without a credential apart by their addresses.

use std::net::IpAddr;

/// The part of an address that stands for one client: all of an IPv4 address, the /64 of an IPv6
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressBlock {
    /// The four bytes of an IPv4 address.
    V4([u8; 4]),
    /// The first 64 bits of an IPv6 address: usually, a home or a server gets no smaller block.
    V6([u8; 8]),
}

impl From<IpAddr> for AddressBlock {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
        let block = |text: &str| AddressBlock::from(text.parse::<IpAddr>().expect("an address"));
        assert_ne!(block("1.2.3.4"), block("1.2.3.5"));
        assert_eq!(block("::ffff:1.2.3.4"), block("1.2.3.4"));
        assert_eq!(block("2001:db8:1:2::1"), block("2001:db8:1:2:ffff::"));
        assert_ne!(block("2001:db8:1:2::1"), block("2001:db8:1:3::1"));
    }
}
