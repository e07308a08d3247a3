use std::io::Cursor;

use proptest::prelude::*;

use super::samples::{
    atom, brands, element, id3, movie, mp3_frames, mp4, ogg_page, riff, webm, zip,
};
use crate::media::{Content, MediaType, Syntax, TextCheck, Texture, detect};

fn look(bytes: &[u8]) -> Content {
    let mut text = TextCheck::default();
    text.add(bytes);
    detect(&mut Cursor::new(bytes), bytes.len() as u64, text.finish()).expect("memory can be read")
}

/// Checks that some bytes have a type, whatever is declared.
#[track_caller]
fn check(bytes: &[u8], mime: &str) {
    for declared in ["", "video/mp4", "audio/webm", "image/png", "application/json", "../x"] {
        let found = look(bytes).resolve(declared).map(MediaType::as_str);
        let right = MediaType::parse(mime).map(MediaType::as_str).ok_or(mime);
        assert_eq!(found, right, "declared as {declared:?}");
    }
}

#[track_caller]
fn check_declared(bytes: &[u8], answers: &[(&str, &str)]) {
    for (declared, mime) in answers {
        let found = look(bytes).resolve(declared).expect("it may be contributed");
        assert_eq!(found.as_str(), *mime, "declared as {declared:?}");
    }
}

#[test]
fn pictures() {
    check(b"\xFF\xD8\xFF\xE0\0\x10JFIF\0", "image/jpeg");
    check(b"\xFF\xD8\xFF\xE1\0\x10Exif\0\0", "image/jpeg");
    check(b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR", "image/png");
    check(&riff(b"WEBP", b"VP8 \0\0\0\0"), "image/webp");
    check(&brands(b"heic", &[b"mif1", b"heic"]), "image/heic");
    check(&brands(b"heix", &[]), "image/heic");
    check(&brands(b"mif1", &[b"mif1", b"heic", b"miaf"]), "image/heic");
    check(&brands(b"mif1", &[b"mif1"]), "image/heif");
    check(&brands(b"msf1", &[]), "image/heif");
    check(&brands(b"avif", &[b"mif1"]), "image/avif");
    check(&brands(b"mif1", &[b"avif"]), "image/avif");
    check(b"GIF89a\x01\0\x01\0\0\0\0", "image/gif");
    check(b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", "image/bmp");
    check(b"II*\0\x08\0\0\0\x0E\0", "image/tiff");
}

#[test]
fn videos() {
    check(&mp4(b"isom", &[b"vide", b"soun"]), "video/mp4");
    check(&mp4(b"mp42", &[b"soun", b"vide"]), "video/mp4");
    check(&mp4(b"M4V ", &[b"vide"]), "video/mp4");
    check(&mp4(b"M4A ", &[b"vide", b"soun"]), "video/mp4");
    check(&mp4(b"3gp4", &[b"vide", b"soun"]), "video/mp4");
    check(&brands(b"3gp4", &[b"3gp6"]), "video/3gpp");
    check(&brands(b"3g2a", &[]), "video/3gpp2");
    check(&mp4(b"qt  ", &[b"vide", b"soun"]), "video/quicktime");
    let old = [atom(b"wide", &[]), atom(b"mdat", &[1; 300]), movie(&[b"vide"])].concat();
    check(&old, "video/quicktime");
    check(&[atom(b"wide", &[]), atom(b"mdat", &[1; 300])].concat(), "application/octet-stream");
    check(&riff(b"AVI ", b"LIST\0\0\0\0"), "video/x-msvideo");
    check(&webm(b"webm", &[1]), "video/webm");
    check(&webm(b"webm", &[2, 1]), "video/webm");
    check(&webm(b"matroska", &[1, 2]), "video/x-matroska");
    check(&ogg_page(2, b"\x80theora\x03\x02\x01"), "video/ogg");
    let both = [ogg_page(2, b"\x01vorbis\0\0"), ogg_page(2, b"\x80theora\x03")].concat();
    check(&both, "video/ogg");
    check(b"FLV\x01\x05\0\0\0\x09", "video/x-flv");
}

#[test]
fn voices() {
    check(&mp4(b"M4A ", &[b"soun"]), "audio/mp4");
    check(&mp4(b"mp42", &[b"soun"]), "audio/mp4");
    check(&brands(b"M4A ", &[b"isom"]), "audio/mp4");
    check(&riff(b"WAVE", b"fmt \x10\0\0\0"), "audio/wav");
    check(&webm(b"webm", &[2]), "audio/webm");
    check(&ogg_page(2, b"OpusHead\x01\x02"), "audio/ogg");
    check(&ogg_page(2, b"\x01vorbis\0\0"), "audio/ogg");
    check(&ogg_page(2, b"Speex   1.2"), "audio/ogg");
    let late = [ogg_page(2, b"OpusHead\x01"), ogg_page(0, b"\x80theora is not here")].concat();
    check(&late, "audio/ogg");
    check(&ogg_page(2, b"????"), "application/ogg");
    check(&mp3_frames(3), "audio/mpeg");
    check(&[id3(300), mp3_frames(3)].concat(), "audio/mpeg");
    // With an album's cover picture, the sound begins far behind the head.
    check(&[id3(70_000), mp3_frames(3)].concat(), "audio/mpeg");
    check(&[id3(40), vec![0; 300], mp3_frames(3)].concat(), "audio/mpeg");
    let v1 = [mp3_frames(1), b"TAG".to_vec(), vec![0; 125]].concat();
    check(&v1, "audio/mpeg");
    check(&[id3(40), b"fLaC\0\0\0\x22".to_vec()].concat(), "audio/flac");
    check(&[id3(40), b"\xFF\xF1\x50\x80\0\0".to_vec()].concat(), "audio/aac");
    check(b"\xFF\xF1\x50\x80\0\0\0\0", "audio/aac");
    check(b"#!AMR\n\x3C\0\0\0", "audio/amr");
}

#[test]
fn two_bytes_that_look_like_a_frame_are_no_sound() {
    check(
        b"\xFF\xFB\x90\x00 and then nothing that a decoder would know \xFF",
        "application/octet-stream",
    );
    let mut other = mp3_frames(2);
    // The second has another sample rate.
    other[417 + 2] = 0x94;
    check(&other, "application/octet-stream");
    check(&[id3(40), vec![0; 3_000]].concat(), "application/octet-stream");
}

#[test]
fn frames_of_every_version_and_layer_say_their_length() {
    // The head of a frame, and its length as other tools print it.
    let frames: [([u8; 4], usize); 5] = [
        ([0xFF, 0xFB, 0x92, 0x00], 418), // MPEG 1 layer III, 128k, 44.1 kHz, padded
        ([0xFF, 0xFD, 0x84, 0x00], 384), // MPEG 1 layer II, 128k, 48 kHz
        ([0xFF, 0xFF, 0x48, 0x00], 192), // MPEG 1 layer I, 128k, 32 kHz
        ([0xFF, 0xF3, 0x80, 0x00], 208), // MPEG 2 layer III, 64k, 22.05 kHz
        ([0xFF, 0xE3, 0x18, 0x00], 72),  // MPEG 2.5 layer III, 8k, 8 kHz
    ];
    for (head, length) in frames {
        let mut frame = vec![0x55; length];
        frame[..4].copy_from_slice(&head);
        check(&frame.repeat(2), "audio/mpeg");
        frame.push(0x55);
        check(&frame.repeat(2), "application/octet-stream");
    }
}

#[test]
fn what_is_declared_decides_where_a_container_does_not() {
    let audio_or_video =
        [("audio/webm;codecs=opus", "audio/webm"), ("AUDIO/anything", "audio/webm")];
    check_declared(&webm(b"webm", &[]), &audio_or_video);
    let video = [("", "video/webm"), ("video/webm", "video/webm"), ("image/png", "video/webm")];
    check_declared(&webm(b"webm", &[]), &video);
    let unindexed = brands(b"isom", &[b"mp42"]);
    check_declared(&unindexed, &[("audio/mp4", "audio/mp4"), ("text/plain", "video/mp4")]);
}

#[test]
fn text_and_json() {
    let json = br#" {"a": [1, -2.5e3, "\u00e9", null]} "#;
    check_declared(json, &[("application/json", "application/json"), ("", "text/plain")]);
    check_declared(json, &[("Application/JSON; charset=utf-8", "application/json")]);
    for broken in ["{\"a\": }", "{} {}", "[1,]", "{'a': 1}", "[", "\u{FEFF}{}", "\"\\x\"", "01"] {
        check(broken.as_bytes(), "text/plain");
    }
    let deep = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat().into_bytes();
    check_declared(&deep(128), &[("application/json", "application/json")]);
    check(&deep(129), "text/plain");
    check(&deep(1_000_000), "text/plain");
    check("Grüße, 世界 🌍\r\n\tund mehr\u{85}".as_bytes(), "text/plain");
    check(b"<!DOCTYPE html><script>alert(1)</script>", "text/plain");
    check(b"#!/bin/sh\nrm -rf /\n", "text/plain");
}

#[test]
fn text_that_begins_like_something_else_is_text() {
    for text in ["BMW makes cars", "MZ is a machine", "ID3 tags are old", "RIFFxxxxWAVE", "OggS"] {
        check(text.as_bytes(), "text/plain");
    }
}

#[test]
fn json_past_the_limit_of_text_is_not_read() {
    let mut json = b"[\"".to_vec();
    json.resize(10_000_001, b'a');
    json.extend(b"\"]");
    check(&json, "text/plain");
}

#[test]
fn what_is_not_text() {
    check(b"", "application/x-empty");
    check(b"a\0b", "application/octet-stream");
    check(b"bell \x07", "application/octet-stream");
    check(b"delete \x7F", "application/octet-stream");
    check("C1 \u{9B}31m".as_bytes(), "application/octet-stream");
    check(b"latin gr\xFC\xDFe", "application/octet-stream");
    check(b"cut off \xE4\xB8", "application/octet-stream");
    check(b"\xC0\xAF overlong", "application/octet-stream");
    check(b"\xFF\xFEh\0i\0", "text/plain; charset=utf-16");
    check(b"%PDF-1.4\n1 0 obj\n", "application/pdf");
    check(b"{\\rtf1 hello}", "application/rtf");
}

#[test]
fn archives_and_programs() {
    check(&zip(), "application/zip");
    check(b"MZ\x90\0\x03\0\0\0\x04\0", "application/vnd.microsoft.portable-executable");
    check(b"\x1F\x8B\x08\0\0\0\0\0\0\xFF", "application/gzip");
    let elf = [&b"\x7FELF\x02\x01\x01"[..], &[0; 60]].concat();
    check(&elf, "application/x-executable");
    check(&[0; 100], "application/octet-stream");
}

#[test]
fn lengths_that_lie_end_the_search() {
    let ftyp = brands(b"isom", &[]);
    let endless = [ftyp.clone(), atom(b"free", &[]).repeat(100_000), movie(&[b"soun"])].concat();
    check_declared(&endless, &[("", "video/mp4")]);
    let past = [&ftyp[..], &u32::MAX.to_be_bytes(), b"mdat", &movie(&[b"soun"])].concat();
    check_declared(&past, &[("", "video/mp4")]);
    let huge = [&ftyp[..], &1_u32.to_be_bytes(), b"mdat", &u64::MAX.to_be_bytes()].concat();
    check_declared(&huge, &[("", "video/mp4")]);
    let small = [&ftyp[..], &3_u32.to_be_bytes(), b"mdat", &movie(&[b"soun"])].concat();
    check_declared(&small, &[("", "video/mp4")]);
    let to_the_end = [&ftyp[..], &0_u32.to_be_bytes(), &movie(&[b"soun"])[4..]].concat();
    check(&to_the_end, "audio/mp4");
    let empty = [&webm(b"webm", &[])[..60], &element(b"\xEC", &[]).repeat(100_000)].concat();
    check_declared(&empty, &[("", "video/webm")]);
}

fn kinds() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(mp4(b"isom", &[b"vide", b"soun"])),
        Just(mp4(b"M4A ", &[b"soun"])),
        Just(webm(b"webm", &[2, 1])),
        Just(webm(b"webm", &[2])),
        Just([id3(90), mp3_frames(3)].concat()),
        Just([ogg_page(2, b"OpusHead\x01"), ogg_page(0, b"data")].concat()),
        Just(riff(b"WAVE", b"fmt ")),
        Just(b"{\"a\":[1,2,{\"b\":null}]}".to_vec()),
        Just(zip()),
    ]
}

proptest! {
    #[test]
    fn damage_is_looked_at_without_harm(
        mut bytes in kinds(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        keep in any::<prop::sample::Index>(),
    ) {
        for (place, byte) in flips {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(keep.index(bytes.len()) + 1);
        let content = look(&bytes);
        // A first answer, and the same one again.
        prop_assert_eq!(content, look(&bytes));
    }

    #[test]
    fn text_is_checked_alike_however_it_is_cut(
        text in "\\PC{0,40}",
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        cuts in prop::collection::vec(1_usize..5, 0..60),
    ) {
        let mut bytes = text.into_bytes();
        if let (Some((place, byte)), false) = (damage, bytes.is_empty()) {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let right = str::from_utf8(&bytes).is_ok_and(|text| {
            text.chars().all(|c| !c.is_control() || "\t\n\r\x0C\u{85}".contains(c))
        });
        let mut check = TextCheck::default();
        let mut rest = &bytes[..];
        for cut in cuts {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            check.add(now);
            rest = later;
        }
        check.add(rest);
        prop_assert_eq!(check.finish() == Texture::Text, right);
    }
}

#[test]
fn json_is_what_the_standard_says() {
    // Cases that parsers disagree about, decided as the standard says.
    let yes = ["0", "-0", "1e5", "\"\"", "[]", "{}", "\"\\ud83d\\ude00\"", "[1,\n2]", " true "];
    let no =
        ["", " ", "-", ".5", "1.", "+1", "NaN", "nul", "[1 2]", "{\"a\"}", "{1:2}", "\"a", "tru e"];
    let syntax = |text: &str| match look(text.as_bytes()) {
        Content::Text { syntax } => Some(syntax),
        Content::Media(_) | Content::AudioOrVideo { .. } | Content::Other(_) => None,
    };
    for text in yes {
        assert_eq!(syntax(text), Some(Syntax::Json), "{text}");
    }
    for text in no.into_iter().filter(|text| !text.is_empty()) {
        assert_eq!(syntax(text), Some(Syntax::Plain), "{text}");
    }
}

#[test]
fn every_type_is_read_as_it_is_written() {
    for media in MediaType::ALL {
        assert_eq!(MediaType::parse(media.as_str()), Some(media));
    }
    assert_eq!(MediaType::parse("application/zip"), None);
}
