//! Which encoding a text is in.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Text and the encoding it was in: by its byte order mark; UTF-8 where valid; UTF-16 where every other byte is zero;
/// line by line where UTF-8 and Windows-1252 are mixed; the detector's guess, Windows-1252 by default, otherwise.
pub(crate) fn decode(bytes: &[u8]) -> (String, &'static str) {
    let all =
        |encoding: &'static Encoding| (encoding.decode_without_bom_handling(bytes).0.into_owned(), encoding.name());
    let sample = &bytes[..bytes.len().min(4_096)];
    let zeros = |odd: usize| sample.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count() * 5;
    let (even, odd, half) = (zeros(0), zeros(1), sample.len() / 2);
    let (text, name) = if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        (encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned(), encoding.name())
    } else if half > 1 && odd > half * 2 && even < half {
        all(UTF_16LE)
    } else if half > 1 && even > half * 2 && odd < half {
        all(UTF_16BE)
    } else if let Ok(text) = std::str::from_utf8(bytes) {
        (text.to_owned(), UTF_8.name())
    } else {
        let lines = || bytes.split_inclusive(|byte| *byte == b'\n');
        let foreign = lines().filter(|line| !line.is_ascii()).count();
        let valid = lines().filter(|line| !line.is_ascii() && std::str::from_utf8(line).is_ok()).count();
        if valid * 2 > foreign {
            let narrow = |line| WINDOWS_1252.decode_without_bom_handling(line).0;
            let mixed = lines().map(|line| std::str::from_utf8(line).map_or_else(|_| narrow(line), Into::into));
            (mixed.collect(), "UTF-8 with windows-1252")
        } else {
            let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
            detector.feed(bytes, true);
            all(detector.guess(None, chardetng::Utf8Detection::Deny))
        }
    };
    // Old Macintosh line ends.
    let old = text.contains('\r') && !text.contains('\n');
    (if old { text.replace('\r', "\n") } else { text }, name)
}
