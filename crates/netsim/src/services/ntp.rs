//! A time server that knows the host's time.

/// Seconds from 1900 to 1970.
const ERA: u64 = 2_208_988_800;

/// The answer to a question for the time (RFC 5905); `None` where it is none.
pub(super) fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let question = question.get(..48)?;
    let version = question[0] >> 3 & 7;
    if !matches!(question[0] & 7, 1 | 3) || !(1..=4).contains(&version) {
        return None;
    }
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    let seconds = u64::try_from(now.tv_sec).ok()? + ERA;
    let fraction = (u64::try_from(now.tv_nsec).ok()? << 32) / 1_000_000_000;
    let time = (seconds << 32 | fraction).to_be_bytes();
    let mut answer = vec![0; 48];
    answer[0] = version << 3 | 4;
    answer[1] = 2; // stratum: one hop from a clock
    answer[2] = question[2];
    answer[3] = 0xe9; // precision: 2^-23 s
    answer[4..8].copy_from_slice(&[0, 0, 1, 0]);
    answer[8..12].copy_from_slice(&[0, 0, 2, 0]);
    answer[12..16].copy_from_slice(&[198, 18, 0, 123]);
    answer[16..24].copy_from_slice(&time);
    answer[24..32].copy_from_slice(&question[40..48]);
    answer[32..40].copy_from_slice(&time);
    answer[40..48].copy_from_slice(&time);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_with_its_own_time_and_nothing_else_is() {
        let mut question = [0; 48];
        question[0] = 0x23;
        question[40..48].copy_from_slice(b"original");
        let answer = answer(&question).expect("an answer");
        assert_eq!((answer[0], answer[1], &answer[24..32]), (0x24, 2, &b"original"[..]));
        question[0] = 0x24;
        assert!(super::answer(&question).is_none() && super::answer(&[0x23; 47]).is_none());
    }
}
