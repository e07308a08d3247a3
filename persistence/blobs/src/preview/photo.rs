//! Makes the preview of a photo.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageFormat, ImageReader, ImageResult, Limits,
    Rgba, RgbaImage, imageops,
};

use super::jpeg;

/// The longer side of a preview, in pixels.
const LONG_SIDE: u32 = 480;
/// Memory that decoding one photo may take, in bytes. It is enough for a JPEG of 89 megapixels, or
/// of 29 if it is progressive. Phones take photos of at most 50 megapixels, or of 200 that nobody
/// keeps.
pub(super) const MAX_MEMORY: u64 = 256 << 20;
/// The longest side of a photo, in pixels; nothing longer is a photo.
const MAX_SIDE: u32 = 20_000;
/// The quality of a preview as a JPEG, of 100.
const QUALITY: u8 = 75;

/// The format of a photo.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    Jpeg,
    Png,
    WebP,
}

/// The preview of a photo, as a JPEG with nothing but the picture; `None` if there can be none.
pub(super) fn small(photo: Vec<u8>, format: Format) -> Option<Vec<u8>> {
    match decode(photo, format) {
        Ok(Some((small, orientation))) => encode(small, orientation)
            .inspect_err(|error| tracing::warn!(%error, "a preview can't be encoded"))
            .ok(),
        Ok(None) => None,
        Err(error) => {
            tracing::debug!(%error, "a photo can't be decoded");
            None
        }
    }
}

/// Decodes a photo and makes it smaller. It is turned later, when there is less to turn.
fn decode(photo: Vec<u8>, format: Format) -> ImageResult<Option<(DynamicImage, Orientation)>> {
    // Memory beside the picture itself, in bytes a pixel. Decoders count only the picture.
    let beside = match format {
        Format::Jpeg => jpeg::coefficient_bytes(&photo),
        Format::Png => 0,
        Format::WebP => 8,
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(photo), format.into());
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let memory = decoder.total_bytes().saturating_add(pixels.saturating_mul(beside));
    let Some((small_width, small_height)) = small_size(width, height) else { return Ok(None) };
    if memory > MAX_MEMORY {
        return Ok(None);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let whole = DynamicImage::from_decoder(decoder)?;
    // This averages the pixels in place; finer filters hold a row of floats for each.
    Ok(Some((whole.thumbnail_exact(small_width, small_height), orientation)))
}

/// The size of a preview: its longer side is at most [`LONG_SIDE`] and each side at most half of
/// the photo's; `None` if a half is nothing.
fn small_size(width: u32, height: u32) -> Option<(u32, u32)> {
    let long = u64::from(width.max(height));
    if width < 2 || height < 2 {
        return None;
    }
    let side = |side: u32| {
        let fitting = u64::from(side) * u64::from(LONG_SIDE) / long;
        u32::try_from(fitting).map_or(side / 2, |fitting| fitting.min(side / 2).max(1))
    };
    Some((side(width), side(height)))
}

fn encode(small: DynamicImage, orientation: Orientation) -> ImageResult<Vec<u8>> {
    // A JPEG has no transparency, and the page behind a picture is white on most screens.
    let mut page = RgbaImage::from_pixel(small.width(), small.height(), Rgba([u8::MAX; 4]));
    imageops::overlay(&mut page, &small.to_rgba8(), 0, 0);
    let mut page = DynamicImage::ImageRgba8(page);
    page.apply_orientation(orientation);
    let page = page.to_rgb8();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode(
        page.as_raw(),
        page.width(),
        page.height(),
        ExtendedColorType::Rgb8,
    )?;
    Ok(jpeg)
}

impl From<Format> for ImageFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Jpeg => Self::Jpeg,
            Format::Png => Self::Png,
            Format::WebP => Self::WebP,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_never_more_than_half_of_the_photo() {
        let sizes = [
            ((4_000, 3_000), Some((480, 360))),
            ((3_000, 4_000), Some((360, 480))),
            ((960, 960), Some((480, 480))),
            ((959, 10), Some((479, 5))),
            ((100, 50), Some((50, 25))),
            ((20_000, 2), Some((480, 1))),
            ((3, 2), Some((1, 1))),
            ((2, 2), Some((1, 1))),
            ((1, 20_000), None),
            ((1, 1), None),
            ((0, 0), None),
        ];
        for ((width, height), small) in sizes {
            assert_eq!(small_size(width, height), small, "{width} × {height}");
        }
    }
}
