//! The bytes, as they will be read by every later release.

use expect_test::{Expect, expect};
use priv_domain::{EntityId, Kind, Position, Timestamp, Version, World};

use crate::journal::chain::{ChainHash, Chainer};
use crate::journal::record::encode;
use crate::journal::segment::Header;
use crate::journal::{Draft, group};

fn check(bytes: &[u8], expected: &Expect) {
    let lines: Vec<String> = bytes
        .chunks(16)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "))
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

fn draft<'a>(entity: &'a EntityId, personal: Option<&'a [u8]>) -> Draft<'a> {
    Draft {
        entity,
        version: Version::new(2),
        previous: Position::new(0x0102),
        at: Timestamp::from_millis(1_700_000_000_000),
        format: 9,
        core: b"core",
        personal,
    }
}

#[test]
fn a_group_has_these_bytes() {
    let user = EntityId { world: World::Live, kind: Kind::User, key: "u1".into() };
    let system = EntityId { world: World::Test, kind: Kind::System, key: "main".into() };
    let mut bytes = vec![0; group::HEADER_BYTES];
    encode(&mut bytes, &draft(&user, Some(b"name")), 0x0203);
    encode(&mut bytes, &draft(&system, None), 0x0204);
    let start = ChainHash::new([7; 32]);
    let previous = ChainHash::new([8; 32]);
    let mut chainer = Chainer::new();
    group::seal(&mut bytes, (0x0203, 2), (&start, &previous), &mut chainer, |_, _| ());
    assert_eq!(bytes.len(), group::PAGE_BYTES);
    let length = bytes.iter().rposition(|byte| *byte != 0).expect("it has bytes") + 1;
    check(&bytes[..length], &expect![[""]]);
}

#[test]
fn a_segment_header_has_these_bytes() {
    let page = Header { first: 0x0203, start: ChainHash::new([7; 32]) }.encode();
    assert_eq!(page.len(), group::PAGE_BYTES);
    check(&page[..64], &expect![[""]]);
}
