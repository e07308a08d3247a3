//! Golden bytes of the format, which every later release must read.

use expect_test::{Expect, expect};
use priv_domain::{EntityId, Environment, Kind, Position, Timestamp, Version};

use crate::format::chain::{ChainHash, Chainer};
use crate::format::record::encode;
use crate::format::segment::Header;
use crate::{Draft, format::group};

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
    let user = EntityId { environment: Environment::Live, kind: Kind::User, key: "u1".into() };
    let system =
        EntityId { environment: Environment::Test, kind: Kind::System, key: "main".into() };
    let mut bytes = vec![0; group::HEADER_BYTES];
    encode(&mut bytes, &draft(&user, Some(b"name")), 0x0203);
    encode(&mut bytes, &draft(&system, None), 0x0204);
    let start = ChainHash::new([7; 32]);
    let previous = ChainHash::new([8; 32]);
    let mut chainer = Chainer::new();
    group::seal(&mut bytes, (0x0203, 2), (&start, &previous), &mut chainer, |_, _| ());
    assert_eq!(bytes.len(), group::PAGE_BYTES);
    let length = bytes.iter().rposition(|byte| *byte != 0).expect("it has bytes") + 1;
    check(
        &bytes[..length],
        &expect![[r#"
        50 4a 67 f1 de 00 00 00 03 02 00 00 00 00 00 00
        fa fd d2 d9 ab 97 78 a1 02 00 00 00 b4 d4 f8 15
        46 00 00 00 7b f8 44 b3 04 00 00 00 01 00 00 00
        03 02 00 00 00 00 00 00 02 00 00 00 00 00 00 00
        02 01 00 00 00 00 00 00 00 68 e5 cf 8b 01 00 00
        09 00 01 01 02 00 01 00 04 00 00 00 75 31 63 6f
        72 65 6e 61 6d 65 44 00 00 00 fe 9d b0 46 00 00
        00 00 00 00 00 00 04 02 00 00 00 00 00 00 02 00
        00 00 00 00 00 00 02 01 00 00 00 00 00 00 00 68
        e5 cf 8b 01 00 00 09 00 02 03 04 00 00 00 04 00
        00 00 6d 61 69 6e 63 6f 72 65 50 4a 6d f2 02 00
        00 00 04 02 00 00 00 00 00 00 90 32 61 a6 bb 13
        c2 ff e2 4e eb 28 c7 2a 2f 3c 19 52 19 be 65 95
        fd d9 ec 6c 2f 40 55 3a b0 9a 11 6f dc 15"#]],
    );
}

#[test]
fn a_segment_header_has_these_bytes() {
    let page = Header { first: 0x0203, start: ChainHash::new([7; 32]) }.encode();
    assert_eq!(page.len(), group::PAGE_BYTES);
    check(
        &page[..64],
        &expect![[r#"
        50 52 49 56 4a 52 4e 4c 01 00 00 00 00 10 00 00
        03 02 00 00 00 00 00 00 07 07 07 07 07 07 07 07
        07 07 07 07 07 07 07 07 07 07 07 07 07 07 07 07
        07 07 07 07 07 07 07 07 40 9a 1e 08 00 00 00 00"#]],
    );
}
