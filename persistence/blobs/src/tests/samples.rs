//! Small files of every kind, made from their formats' descriptions.

/// A box of MP4 or a related format.
pub(super) fn atom(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).expect("samples are small");
    [&length.to_be_bytes(), &name[..], content].concat()
}

/// A `ftyp` box: the major brand, then those that it is compatible with.
pub(super) fn brands(major: &[u8; 4], others: &[&[u8; 4]]) -> Vec<u8> {
    let others: Vec<u8> = others.iter().flat_map(|other| other.iter().copied()).collect();
    atom(b"ftyp", &[&major[..], &[0, 0, 2, 0], &others].concat())
}

/// A `moov` box with tracks of these kinds.
pub(super) fn movie(handlers: &[&[u8; 4]]) -> Vec<u8> {
    let mut content = atom(b"mvhd", &[0; 100]);
    for handler in handlers {
        let kind = atom(b"hdlr", &[&[0; 8], &handler[..], &[0; 13]].concat());
        let media = atom(b"mdia", &[atom(b"mdhd", &[0; 24]), kind].concat());
        content.extend(atom(b"trak", &[atom(b"tkhd", &[0; 84]), media].concat()));
    }
    atom(b"moov", &content)
}

/// An MP4 as cameras write it: the index comes after the pictures.
pub(super) fn mp4(major: &[u8; 4], handlers: &[&[u8; 4]]) -> Vec<u8> {
    let pictures = atom(b"mdat", &vec![0xA5; 20_000]);
    [brands(major, &[b"isom", b"mp42"]), atom(b"free", &[]), pictures, movie(handlers)].concat()
}

/// An element of EBML, with a length of eight bytes.
pub(super) fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    let length = (1_u64 << 56 | content.len() as u64).to_be_bytes();
    [id, &length, content].concat()
}

/// A WebM file as browsers record it, with a segment of unknown length.
pub(super) fn webm(doc_type: &[u8], track_types: &[u8]) -> Vec<u8> {
    let header = element(
        b"\x1A\x45\xDF\xA3",
        &[element(b"\x42\x86", &[1]), element(b"\x42\x82", doc_type)].concat(),
    );
    let entries: Vec<u8> = track_types
        .iter()
        .flat_map(|kind| {
            let entry = [element(b"\xD7", &[1]), element(b"\x83", &[*kind])].concat();
            element(b"\xAE", &entry)
        })
        .collect();
    let info = element(b"\x15\x49\xA9\x66", &element(b"\x2A\xD7\xB1", &[15, 66, 64]));
    let mut segment = b"\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF".to_vec();
    segment.extend(info);
    if !track_types.is_empty() {
        segment.extend(element(b"\x16\x54\xAE\x6B", &entries));
    }
    segment.extend(element(b"\x1F\x43\xB6\x75", &[0xA5; 500]));
    [header, segment].concat()
}

/// A page of Ogg.
pub(super) fn ogg_page(flags: u8, packet: &[u8]) -> Vec<u8> {
    let length = u8::try_from(packet.len()).expect("one segment");
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend([0; 20]);
    page.extend([1, length]);
    page.extend(packet);
    page
}

/// Frames of MPEG 1 layer III with 128 kbit/s at 44.1 kHz.
pub(super) fn mp3_frames(count: usize) -> Vec<u8> {
    let mut frame = vec![0x55; 417];
    frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x90, 0x00]);
    frame.repeat(count)
}

/// An ID3v2 tag with so many bytes of content.
pub(super) fn id3(length: u32) -> Vec<u8> {
    let seven = |shift: u32| u8::try_from(length >> shift & 0x7F).expect("seven bits");
    let mut tag = b"ID3\x04\0\0".to_vec();
    tag.extend([seven(21), seven(14), seven(7), seven(0)]);
    tag.extend(vec![0; length as usize]);
    tag
}

/// A RIFF file of that form.
pub(super) fn riff(form: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 4).expect("samples are small");
    [b"RIFF", &length.to_le_bytes(), &form[..], content].concat()
}

/// An archive with one file that claims to be much larger than it is.
pub(super) fn zip() -> Vec<u8> {
    let mut zip = b"PK\x03\x04\x14\0\0\0\x08\0".to_vec();
    zip.extend([0; 8]);
    zip.extend(42_u32.to_le_bytes());
    zip.extend(u32::MAX.to_le_bytes());
    zip.extend([4, 0, 0, 0]);
    zip.extend(b"bomb");
    zip.extend([0; 42]);
    zip
}
