//! The memory that decoding a JPEG takes, found from the way it is written.
//!
//! If all components are in one scan, the decoder goes through the picture row by row. Otherwise it
//! must hold the coefficients of the whole picture until the last scan, two bytes for each
//! component of each pixel, which its own limits don't count.

/// Memory that a decoder takes beside the picture, in bytes a pixel.
pub(super) fn coefficient_bytes(jpeg: &[u8]) -> u64 {
    const MOST: u64 = 2 * 4;
    let mut components = None;
    for (marker, segment) in segments(jpeg) {
        match marker {
            // Baseline or extended frames with Huffman codes.
            0xC0 | 0xC1 => components = segment.get(5).copied(),
            // Tables, whose numbers lie between those of frames.
            0xC4 | 0xC8 | 0xCC => {}
            0xC2..=0xCF => return MOST,
            0xDA if components.is_some() && components == segment.first().copied() => return 0,
            0xDA => return MOST,
            _ => {}
        }
    }
    MOST
}

/// The segments up to the first scan, by their markers.
fn segments(jpeg: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = jpeg.get(2..).unwrap_or_default();
    std::iter::from_fn(move || {
        let [0xFF, after @ ..] = rest else { return None };
        // A marker may be preceded by any number of fill bytes.
        let marker_at = after.iter().position(|byte| *byte != 0xFF)?;
        let (marker, after) = after.get(marker_at..)?.split_first()?;
        let (length, _) = after.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let segment = after.get(2..length)?;
        rest = after.get(length..)?;
        Some((*marker, segment))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUANTIZATION: &[u8] = b"\xFF\xDB\0\x04\0\0";
    const HUFFMAN: &[u8] = b"\xFF\xC4\0\x04\0\0";

    fn frame(marker: u8, components: u8) -> Vec<u8> {
        vec![0xFF, marker, 0, 8, 8, 0, 16, 0, 16, components]
    }

    fn scan(components: u8) -> Vec<u8> {
        vec![0xFF, 0xDA, 0, 4, components, 0]
    }

    fn jpeg(segments: &[&[u8]]) -> Vec<u8> {
        [b"\xFF\xD8", &segments.concat()[..]].concat()
    }

    #[test]
    fn only_one_scan_of_all_components_is_decoded_row_by_row() {
        let exif = b"\xFF\xE1\0\x0A\xFF\xC2\0\x08Exif";
        let bytes = |segments: &[&[u8]]| coefficient_bytes(&jpeg(segments));
        assert_eq!(bytes(&[QUANTIZATION, HUFFMAN, &frame(0xC0, 3), &scan(3)]), 0);
        assert_eq!(bytes(&[&frame(0xC0, 1), b"\xFF\xFF", HUFFMAN, &scan(1)]), 0);
        assert_eq!(bytes(&[exif, &frame(0xC1, 3), &scan(3)]), 0);
        assert_eq!(bytes(&[&frame(0xC2, 3), &scan(3)]), 8, "progressive");
        assert_eq!(bytes(&[&frame(0xC0, 3), &scan(1)]), 8, "a scan for each");
        assert_eq!(bytes(&[&frame(0xC0, 3), &frame(0xC2, 3), &scan(3)]), 8, "two minds");
        assert_eq!(bytes(&[&scan(3)]), 8, "no frame");
        assert_eq!(bytes(&[&frame(0xC0, 3)]), 8, "no scan");
        assert_eq!(bytes(&[&frame(0xC0, 3)[..7]]), 8, "cut off");
        assert_eq!(coefficient_bytes(b""), 8);
    }
}
