//! The stored forms of contributions, listings and purchases.

use priv_domain::contribution::{
    Contribution, ContributionType, MediaType, Originality, ReviewDecision, ReviewStatus, Uses,
};
use priv_domain::listing::{Contents, Due, Event, Listing, Offer};
use priv_domain::listing_summary::ListingSummary;
use priv_domain::market::{
    Category, Change, Draft, Fees, File, License, ListingStatus, Order, Proceeds, Purchase, Rating,
};
use priv_domain::message::{NotSold, NotTaken};
use priv_domain::reply::Noted;
use priv_domain::user::{Bought, Market, OwnListing};

use super::{stored_enum, stored_replies, stored_struct};

stored_enum!(ContributionType, "contribution type" {
    0 => Photo,
    1 => Video,
    2 => Voice,
    3 => Text,
});
stored_enum!(MediaType, "media type" {
    0 => Jpeg,
    1 => Png,
    2 => Webp,
    3 => Heic,
    4 => Heif,
    5 => Mp4,
    6 => Webm,
    7 => QuickTime,
    8 => Avi,
    9 => Mpeg,
    10 => Wav,
    11 => WebmAudio,
    12 => Ogg,
    13 => Mp4Audio,
    14 => Plain,
    15 => Json,
});
stored_struct!(Uses { ai_training, research, commercial });
stored_enum!(Originality, "originality" { 0 => New, 1 => KnownElsewhere });
stored_enum!(ReviewStatus, "review status" { 0 => Pending, 1 => Approved, 2 => Rejected });
stored_enum!(ReviewDecision, "decision" { 0 => Approved, 1 => Rejected });
stored_struct!(Contribution { media_type, sha256, size, uses, reward, originality, status, at });
stored_enum!(License, "license" { 0 => SingleUse, 1 => Limited, 2 => Unlimited, 3 => Exclusive });
stored_enum!(ListingStatus, "listing status" { 0 => Active, 1 => Paused, 2 => Delisted });
stored_enum!(Category, "category" { 0 => One(contribution_type), 1 => Mixed });
stored_struct!(File { contribution, sha256, size, media_type });
stored_struct!(Draft { title, description, tags, price, license, max_sales, files });
stored_struct!(Change {
    if_version,
    title,
    description,
    tags,
    price,
    license,
    max_sales,
    files,
    status,
});
stored_struct!(Order {
    purchase,
    terms_version,
    expected_version,
    license,
    contents,
    files_hash,
    title,
    seller,
});
stored_struct!(Purchase { order, price, stars });
stored_struct!(Rating { purchase, stars, comment });
stored_struct!(Proceeds { sales, status });
stored_struct!(Fees { burned, stakers, treasury });
stored_struct!(OwnListing { status, contributions });
stored_struct!(Market { contributions, listings, purchases });
stored_enum!(Bought, "purchase's novelty" { 0 => Now, 1 => Before });
stored_struct!(ListingSummary {
    id,
    seller,
    version,
    status,
    sold_out,
    title,
    description,
    tags,
    category,
    price,
    license,
    max_sales,
    files,
    bytes,
    samples,
    sales,
    ratings,
    stars,
    created_at,
    updated_at,
});
stored_struct!(Contents { number, sales, files });
stored_struct!(Offer {
    seller,
    created_at,
    updated_at,
    version,
    terms_version,
    status,
    title,
    description,
    tags,
    price,
    license,
    max_sales,
    contents,
});
stored_struct!(Due { proceeds, sales, fees });
stored_struct!(Listing { offer, sales, ratings, due, paid_out_at, outbox, inbox });
stored_enum!(Event, "listing event" {
    0 => ExchangeAccepted { from, exchange },
    1 => TransferOpened(open),
    2 => TransferSettled { id },
    3 => TransferReturned { id, amount },
    4 => ExchangeForgotten { id },
    5 => ExchangeRefused { id, from, why },
});
stored_enum!(NotTaken, "reason why an exchange was refused" {
    0 => NotAwaited,
    1 => NoSuchPayee,
    2 => Busy,
    3 => NotSold(why),
});
stored_enum!(NotSold, "reason why a listing does not sell" {
    0 => NotActive(status),
    1 => SoldOut,
    2 => OwnListing,
    3 => TermsChanged { version, price },
    4 => VersionChanged { version },
    5 => HasSales { sales },
    6 => TooManyContents,
});

// A listing takes no commands, only messages.
stored_replies!(Listing, "listing reply" { 0 => Noted });
