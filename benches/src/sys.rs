//! The one place with `unsafe`: what the checksum is compared with where the machine has AVX2.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_set1_epi16,
    _mm256_setzero_si256 as zero, _mm256_storeu_si256, _mm256_xor_si256,
};

/// Tells whether [`sum`] can be called here.
pub(crate) fn available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Sums the 16-bit words in the machine's own order; without AVX2, nothing.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if available() {
        // SAFETY: the machine has AVX2.
        return unsafe { avx2(bytes) };
    }
    bytes.first().map_or(0, |_| 0)
}

/// Words are made signed, so that one multiplication by one adds them in pairs; what was taken
/// from each is added again at the end. A lane holds 2^14 pairs without an overflow.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(bytes: &[u8]) -> u64 {
    const BLOCKS: usize = 1 << 13;
    let (blocks, rest) = bytes.as_chunks::<128>();
    let (sign, ones) = (_mm256_set1_epi16(i16::MIN), _mm256_set1_epi16(1));
    let mut total = 0_i64;
    for run in blocks.chunks(BLOCKS) {
        let mut sums = (zero(), zero(), zero(), zero());
        for block in run {
            let (vectors, _) = block.as_chunks::<32>();
            sums.0 = _mm256_add_epi32(sums.0, pairs(&vectors[0], sign, ones));
            sums.1 = _mm256_add_epi32(sums.1, pairs(&vectors[1], sign, ones));
            sums.2 = _mm256_add_epi32(sums.2, pairs(&vectors[2], sign, ones));
            sums.3 = _mm256_add_epi32(sums.3, pairs(&vectors[3], sign, ones));
        }
        let low = _mm256_add_epi32(sums.0, sums.1);
        let high = _mm256_add_epi32(sums.2, sums.3);
        total += lanes(low) + lanes(high) + (run.len() as i64) * 64 * 32768;
    }
    let (words, last) = rest.as_chunks::<2>();
    let rest: u64 = words.iter().map(|word| u64::from(u16::from_ne_bytes(*word))).sum();
    let last = last.first().map_or(0, |last| u16::from_ne_bytes([*last, 0]));
    total as u64 + rest + u64::from(last)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn pairs(vector: &[u8; 32], sign: __m256i, ones: __m256i) -> __m256i {
    // SAFETY: the reference is to 32 bytes, and the load may be unaligned.
    let words = unsafe { _mm256_loadu_si256(vector.as_ptr().cast()) };
    _mm256_madd_epi16(_mm256_xor_si256(words, sign), ones)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn lanes(vector: __m256i) -> i64 {
    let mut lanes = [0_i32; 8];
    // SAFETY: the array has 32 bytes, and the store may be unaligned.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), vector) };
    lanes.iter().map(|lane| i64::from(*lane)).sum()
}
