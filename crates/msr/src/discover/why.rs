//! Why a pattern was accepted or refused, and what would change the answer.

use msr_discover::{Tested, Verdict, VerdictKind, Why};

/// An upper bound in percent, rounded up to as many digits as it needs, as verdicts have it.
pub fn at_most(share: f64) -> String {
    rounded(share, f64::ceil, 1.0 - 1e-12)
}

/// A lower bound in percent, rounded down.
pub fn at_least(share: f64) -> String {
    rounded(share, f64::floor, 1.0 + 1e-12)
}

fn rounded(share: f64, round: fn(f64) -> f64, nearly: f64) -> String {
    let percent = 100.0 * share;
    let digits = if percent < 0.095 { 2 } else { 1 };
    let scale = 10f64.powi(digits);
    // What is a round number but for its last bit stays one.
    format!("{:.*} %", digits as usize, round(percent * scale * nearly) / scale)
}

/// Why a pattern was accepted, refused or neither.
pub fn reason(tested: &Tested, verdict: &Verdict) -> String {
    let tolerance = verdict.config.tolerance;
    if tested.is_accepted {
        return format!("at most {} breaks it", at_most(tested.asymmetry.upper.max(0.0)));
    }
    if tested.is_refused {
        return match tested.asymmetry.lower > tolerance / 10.0 {
            true => format!("at least {} breaks it", at_least(tested.asymmetry.lower)),
            false => format!("a score sees what breaks it (p = {:.1e})", tested.p_score),
        };
    }
    if !tested.asymmetry.upper.is_finite() {
        return "it could not be tested".into();
    }
    if tested.visible <= 0.2 {
        return "the inputs hardly show what it ties".into();
    }
    if tested.asymmetry.upper >= tolerance {
        return match tested.asymmetry.upper >= 1.0 {
            true => "how much breaks it cannot be measured with these data".into(),
            false => {
                format!("up to {} may break it, more than the tolerance", at_most(tested.asymmetry.upper))
            }
        };
    }
    if tested.p_score < 1e-3 {
        return format!("a score sees something (p = {:.1e}), but little breaks it", tested.p_score);
    }
    if tested.order.is_some() && tested.ln_coincidence > -6.9 {
        return "it may be a coincidence: so little is tied that unsymmetric weights could look like it"
            .into();
    }
    if tested.asymmetry.value < -tolerance || tested.asymmetry.lower < -2.0 * tolerance {
        return "what breaks it comes out below nothing: do tasks share rows?".into();
    }
    "little breaks it, but not all that is asked for was shown".into()
}

/// What would change the answer.
pub fn changes(verdict: &Verdict) -> Vec<String> {
    let mut found = Vec::new();
    match &verdict.kind {
        VerdictKind::Undecided { why, more_tasks } => {
            if let Some(more) = more_tasks {
                let times = (1.0 + *more as f64 / (2 * verdict.confirming.max(1)) as f64).sqrt();
                found.push(format!(
                    "About {more} more tasks, or about {times:.1} times the examples in each where noise is the reason, would \
                     narrow the interval of the most promising pattern to the tolerance."
                ));
            }
            match why {
                Why::FewTasks { needed } => found.push(format!(
                    "At least {needed} tasks: half of them look for candidates, and ten or more confirm them."
                )),
                Why::Blind { .. } => found.push(
                    "Exchanges that were planted in these data were not found again: less noise, more examples or more tasks \
                     would make the search see."
                        .into(),
                ),
                _ => {}
            }
            found.push("A larger --tolerance accepts what breaks a symmetry more; a verdict is then about less.".into());
        }
        VerdictKind::AtLeast(_) => found.push(
            "Not all larger patterns were refused: more tasks or examples would confirm or refuse those that are open in the list of \
             candidates, and those that are accepted there make the tasks less likely."
                .into(),
        ),
        VerdictKind::Found(_) => found.push(
            "A smaller --tolerance asks for more: the bound of what breaks the symmetry must be below it.".into(),
        ),
        VerdictKind::None if verdict.config.signed || verdict.config.pairs => {}
        VerdictKind::None => found.push(
            "A symmetry of another kind: components that change their signs (--signed), maps without a linear part (--pairs), \
             or columns in units of their own, which no permutation can exchange."
                .into(),
        ),
        _ => {}
    }
    if verdict.unexplained > 0.1 && !verdict.config.pairs && !verdict.config.signed {
        found.push(format!(
            "{:.0} % of the variation of the outputs is noise, or not linear in the inputs; if it is the latter, products of inputs as \
             features (--pairs) may show more of the map.",
            100.0 * verdict.unexplained
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{at_least, at_most};

    #[test]
    fn bounds_are_rounded_away_from_what_they_bound() {
        assert_eq!([0.0, 0.00026, 0.0123, 0.05].map(at_most), ["0.00 %", "0.03 %", "1.3 %", "5.0 %"]);
        assert_eq!([0.00026, 0.0123, 0.05].map(at_least), ["0.02 %", "1.2 %", "5.0 %"]);
    }
}
