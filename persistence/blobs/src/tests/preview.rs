//! Tests of what anyone may see of a photo or a text, and of what nobody may.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use super::support::{Rig, assert_missing, erase, keep, noise};
use crate::{BlobStore, ContentHash, MediaType, Preview};

/// The place where a photo was taken, as cameras and programs write it.
const PLACE: &[u8] = b"52.5163N 13.3777E";

/// A picture that is white above and black below, which shows how it is turned.
fn picture(format: ImageFormat) -> Vec<u8> {
    let shade = |y| if y < 60 { [255; 3] } else { [0; 3] };
    let pixels = RgbImage::from_fn(200, 120, |_, y| Rgb(shade(y)));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(pixels).write_to(&mut bytes, format).expect("it can be encoded");
    bytes.into_inner()
}

/// A segment of a JPEG.
fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).expect("samples are small");
    [&[0xFF, marker], &length.to_be_bytes()[..], content].concat()
}

/// Exif data (CIPA DC-008) of a photo that is to be turned right by a quarter and names its place.
fn exif() -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        let (tag, kind) = (tag.to_le_bytes(), kind.to_le_bytes());
        [&tag[..], &kind, &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let place = u32::try_from(PLACE.len()).expect("it is short");
    let tiff = [
        b"II\x2A\0\x08\0\0\0\x02\0".to_vec(),
        entry(0x0112, 3, 1, 6),
        entry(0x8825, 4, 1, 38),
        vec![0; 4],
        b"\x01\0".to_vec(),
        entry(0x001D, 2, place, 56),
        vec![0; 4],
        PLACE.to_vec(),
    ];
    [b"Exif\0\0", &tiff.concat()[..]].concat()
}

/// A JPEG with everything that is written beside pictures.
fn jpeg_with_place() -> Vec<u8> {
    let plain = picture(ImageFormat::Jpeg);
    let xmp = [b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>", PLACE, b"</x:xmpmeta>"].concat();
    let beside = [segment(0xE1, &exif()), segment(0xE1, &xmp), segment(0xFE, PLACE)];
    [&plain[..2], &beside.concat(), &plain[2..]].concat()
}

/// A chunk of a PNG.
fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("samples are small");
    let named = [&name[..], content].concat();
    [&length.to_be_bytes()[..], &named, &crc32(&named).to_be_bytes()].concat()
}

/// The checksum of PNG chunks (ISO/IEC 15948, annex D).
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |crc: u32| crc >> 1 ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc)))
}

/// A PNG with chunks after its header, which takes 33 bytes with the signature.
fn png_with(chunks: &[Vec<u8>]) -> Vec<u8> {
    let plain = picture(ImageFormat::Png);
    [&plain[..33], &chunks.concat(), &plain[33..]].concat()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

async fn preview_of(store: &BlobStore, media: MediaType, bytes: &[u8]) -> Option<Preview> {
    let (hash, _) = keep(store, bytes).await;
    store.preview(hash, media).await.expect("it can be read")
}

fn pixels(preview: &Preview) -> RgbImage {
    assert_eq!(preview.content_type, "image/jpeg");
    image::load_from_memory(&preview.bytes).expect("a JPEG").to_rgb8()
}

#[tokio::test]
async fn what_is_written_beside_a_photo_is_not_in_its_preview() {
    let rig = Rig::local();
    let store = rig.open();
    let photo = jpeg_with_place();
    assert!(holds(&photo, PLACE) && holds(&photo, b"Exif"));
    let preview = preview_of(&store, MediaType::Jpeg, &photo).await.expect("it has one");
    for hidden in [PLACE, b"Exif", b"xmpmeta"] {
        assert!(!holds(&preview.bytes, hidden), "{}", String::from_utf8_lossy(hidden));
    }
    // Half as large, and turned as Exif says: the upper half is now on the right.
    let shown = pixels(&preview);
    assert_eq!(shown.dimensions(), (60, 100));
    assert!(shown.get_pixel(55, 50).0[0] > 200 && shown.get_pixel(5, 50).0[0] < 50);

    let beside = [chunk(b"tEXt", &[b"Location\0", PLACE].concat()), chunk(b"eXIf", &exif()[6..])];
    let photo = png_with(&beside);
    assert!(holds(&photo, PLACE));
    let preview = preview_of(&store, MediaType::Png, &photo).await.expect("it has one");
    assert!(!holds(&preview.bytes, PLACE));
    let webp = picture(ImageFormat::WebP);
    let preview = preview_of(&store, MediaType::Webp, &webp).await.expect("it has one");
    assert_eq!(pixels(&preview).dimensions(), (100, 60));
}

#[tokio::test]
async fn a_photo_that_says_that_it_is_huge_or_is_damaged_has_no_preview() {
    let rig = Rig::local();
    let store = rig.open();
    let header = [&20_000_u32.to_be_bytes()[..], &20_000_u32.to_be_bytes(), &[8, 2, 0, 0, 0]];
    let huge = [b"\x89PNG\r\n\x1A\n", &chunk(b"IHDR", &header.concat())[..], &noise(5_000)];
    let whole = picture(ImageFormat::Jpeg);
    for (media, bytes) in [
        (MediaType::Png, huge.concat()),
        (MediaType::Jpeg, whole[..40].to_vec()),
        (MediaType::Jpeg, noise(3_000)),
        (MediaType::Heic, noise(3_000)),
        (MediaType::Mp4, noise(3_000)),
    ] {
        for _twice in 0..2 {
            assert_eq!(preview_of(&store, media, &bytes).await, None, "{media:?}");
        }
    }
}

#[tokio::test]
async fn a_preview_goes_with_its_content() {
    let rig = Rig::local();
    let store = rig.open();
    let (hash, _) = keep(&store, &jpeg_with_place()).await;
    let made = store.preview(hash, MediaType::Jpeg).await.expect("it can be read");
    assert_eq!(rig.files().len(), 2, "the photo and its preview");
    let again = rig.open().preview(hash, MediaType::Jpeg).await.expect("it can be read");
    assert_eq!(again, made);
    erase(&store, hash).await;
    assert!(rig.files().is_empty(), "{:?}", rig.files());
    assert_missing(store.preview(hash, MediaType::Jpeg).await, hash);
    let never = ContentHash::new([7; 32]);
    assert_missing(store.preview(never, MediaType::Text).await, never);
}

#[tokio::test]
async fn a_text_is_cut_between_characters() {
    let rig = Rig::local();
    let store = rig.open();
    let text = "é".repeat(10_000);
    let preview = preview_of(&store, MediaType::Text, text.as_bytes()).await.expect("it has one");
    let shown = std::str::from_utf8(&preview.bytes).expect("whole characters");
    assert!(shown.chars().count() <= 501 && text.starts_with(shown.trim_end_matches('…')));
}
