//! Contributions: uploaded files, their formats, the uses that owners allow, and the rewards.

use crate::money::Micros;
use crate::time::Timestamp;

/// The type of a contribution, which sets its largest size and its base reward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContributionType {
    /// A picture, see [`MediaType`] for the formats.
    Photo,
    /// A recording with moving pictures.
    Video,
    /// A sound recording of a voice.
    Voice,
    /// Plain text or a JSON document.
    Text,
}

impl ContributionType {
    /// All types, in the order in which they are declared.
    pub const ALL: [Self; 4] = [Self::Photo, Self::Video, Self::Voice, Self::Text];

    /// The type's name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Video => "video",
            Self::Voice => "voice",
            Self::Text => "text",
        }
    }

    /// Finds a type by its name in the API.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// The largest size of a contribution of this type: 50, 500, 100 and 10 MiB, in bytes.
    #[must_use]
    pub const fn max_bytes(self) -> u64 {
        match self {
            Self::Photo => 50 << 20,
            Self::Video => 500 << 20,
            Self::Voice => 100 << 20,
            Self::Text => 10 << 20,
        }
    }

    /// The reward of a contribution of this type that allows no use: 1, 5, 2 and 0.5 PRIV.
    #[must_use]
    pub const fn base_reward(self) -> Micros {
        match self {
            Self::Photo => Micros::new(1_000_000),
            Self::Video => Micros::new(5_000_000),
            Self::Voice => Micros::new(2_000_000),
            Self::Text => Micros::new(500_000),
        }
    }
}

macro_rules! media_types {
    ($($(#[$doc:meta])* $name:ident, $mime:literal, $of:ident, $extension:literal;)*) => {
        /// The format of a contribution, found from its content.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum MediaType {
            $($(#[$doc])* $name,)*
        }

        impl MediaType {
            /// All formats, in the order in which they are declared.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The format's MIME type.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $mime,)* }
            }

            /// The type of contribution that the format is of.
            #[must_use]
            pub const fn contribution_type(self) -> ContributionType {
                match self { $(Self::$name => ContributionType::$of,)* }
            }

            /// The ending of a file name in this format, without the dot.
            #[must_use]
            pub const fn extension(self) -> &'static str {
                match self { $(Self::$name => $extension,)* }
            }
        }
    };
}

media_types! {
    /// A JPEG picture (`image/jpeg`).
    Jpeg, "image/jpeg", Photo, "jpg";
    /// A PNG picture (`image/png`).
    Png, "image/png", Photo, "png";
    /// A WebP picture (`image/webp`).
    Webp, "image/webp", Photo, "webp";
    /// A HEIC picture (`image/heic`).
    Heic, "image/heic", Photo, "heic";
    /// A HEIF picture that is not HEIC (`image/heif`).
    Heif, "image/heif", Photo, "heif";
    /// An MP4 container with moving pictures (`video/mp4`).
    Mp4, "video/mp4", Video, "mp4";
    /// A WebM container with moving pictures (`video/webm`).
    Webm, "video/webm", Video, "webm";
    /// A QuickTime film (`video/quicktime`).
    QuickTime, "video/quicktime", Video, "mov";
    /// An AVI film (`video/x-msvideo`).
    Avi, "video/x-msvideo", Video, "avi";
    /// An MP3 sound recording (`audio/mpeg`).
    Mpeg, "audio/mpeg", Voice, "mp3";
    /// A WAV sound recording (`audio/wav`).
    Wav, "audio/wav", Voice, "wav";
    /// A WebM container with sound only (`audio/webm`).
    WebmAudio, "audio/webm", Voice, "weba";
    /// An Ogg container with sound (`audio/ogg`).
    Ogg, "audio/ogg", Voice, "ogg";
    /// An MP4 container with sound only (`audio/mp4`).
    Mp4Audio, "audio/mp4", Voice, "m4a";
    /// Plain text in UTF-8 (`text/plain`).
    Plain, "text/plain", Text, "txt";
    /// A JSON document (`application/json`).
    Json, "application/json", Text, "json";
}

impl MediaType {
    /// Finds a format by its MIME type.
    #[must_use]
    pub fn from_mime(mime: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == mime)
    }
}

/// The uses of a contribution that its owner allows. The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// It may be used to train models.
    pub ai_training: bool,
    /// It may be used for research.
    pub research: bool,
    /// It may be used commercially; without that it can't be sold.
    pub commercial: bool,
}

impl Uses {
    /// The reward of a contribution of a type: its base reward, and 25, 15 and 20 percent of that
    /// for the uses in their order, rounded down to a micro.
    #[must_use]
    pub fn reward(self, contribution_type: ContributionType) -> Micros {
        let percent = |allowed: bool, percent: u32| if allowed { percent } else { 0 };
        let percent = [
            percent(self.ai_training, 25),
            percent(self.research, 15),
            percent(self.commercial, 20),
        ]
        .iter()
        .fold(100, |sum: u32, part| sum.saturating_add(*part));
        contribution_type.base_reward().percent_floor(percent).unwrap_or(Micros::ZERO)
    }
}

/// The review status of a contribution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReviewStatus {
    /// Nobody has judged it yet.
    #[default]
    Pending,
    /// It was approved: it has earned its reward. It can be sold if it may be used commercially.
    Approved,
    /// It was rejected, and earns nothing.
    Rejected,
}

impl ReviewStatus {
    /// All statuses, in the order in which they are declared.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Approved, Self::Rejected];

    /// The status's name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    /// Finds a status by its name in the API.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// A judgement of a contribution, by an operator or by automatic checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewDecision {
    /// It is approved and earns its reward.
    Approved,
    /// It is rejected and earns nothing.
    Rejected,
}

impl ReviewDecision {
    /// The contribution's status after this judgement.
    #[must_use]
    pub const fn status(self) -> ReviewStatus {
        match self {
            Self::Approved => ReviewStatus::Approved,
            Self::Rejected => ReviewStatus::Rejected,
        }
    }
}

/// Whether the content had been contributed before, by anybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Originality {
    /// Nobody else had contributed it.
    New,
    /// Somebody else had contributed it: a person looks at it before it is approved.
    KnownElsewhere,
}

/// A contribution, as its owner's state has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The format, which tells the type.
    pub media_type: MediaType,
    /// SHA-256 of the content, which is stored under it.
    pub sha256: [u8; 32],
    /// The size of the content, in bytes.
    pub size: u64,
    /// The uses that the owner allows.
    pub uses: Uses,
    /// The reward that approval earns, in micros.
    pub reward: Micros,
    /// Whether somebody else had contributed the content when it was uploaded.
    pub originality: Originality,
    /// The status of its review.
    pub status: ReviewStatus,
    /// The time of the upload.
    pub at: Timestamp,
}

impl Contribution {
    /// The type, as its format tells.
    #[must_use]
    pub const fn contribution_type(&self) -> ContributionType {
        self.media_type.contribution_type()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_use_adds_its_part_to_the_reward() {
        let uses = |ai_training, research, commercial| Uses { ai_training, research, commercial };
        let table = [
            (ContributionType::Photo, uses(false, false, false), 1_000_000),
            (ContributionType::Photo, uses(true, true, true), 1_600_000),
            (ContributionType::Video, uses(true, false, false), 6_250_000),
            (ContributionType::Voice, uses(false, true, false), 2_300_000),
            (ContributionType::Text, uses(false, false, true), 600_000),
        ];
        for (contribution_type, uses, micros) in table {
            assert_eq!(uses.reward(contribution_type).get(), micros);
        }
    }

    #[test]
    fn names_are_read_back() {
        for media_type in MediaType::ALL {
            assert_eq!(MediaType::from_mime(media_type.as_str()), Some(*media_type));
        }
        for contribution_type in ContributionType::ALL {
            let name = contribution_type.as_str();
            assert_eq!(ContributionType::from_name(name), Some(contribution_type));
        }
    }
}
