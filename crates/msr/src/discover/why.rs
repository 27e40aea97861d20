//! Why a pattern was accepted or refused, and what would change the answer.

use msr_discover::{Open, Tested, Verdict, VerdictKind, Why};

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
    match tested.open {
        Some(Open::Invisible) => "the inputs hardly show what it ties".into(),
        Some(Open::Wide) if tested.asymmetry.upper >= 1.0 => {
            "how much breaks it cannot be measured with these data".into()
        }
        Some(Open::Wide) => {
            format!("up to {} may break it, more than the tolerance", at_most(tested.asymmetry.upper))
        }
        Some(Open::BelowZero) => "what breaks it comes out below nothing: do tasks share rows?".into(),
        Some(Open::Dominated) => {
            "little breaks it beside the one direction in which the maps vary most (such as the brightness of pictures), but not \
             beside the others: tasks that differ in more ways would tell"
                .into()
        }
        Some(Open::Broken) if tested.p_score <= 1e-3 => {
            format!("a score sees something (p = {:.1e}), but little breaks it", tested.p_score)
        }
        Some(Open::Broken) => "little breaks it, but that is surely not nothing".into(),
        Some(Open::Unlikely) => "little breaks it, but tasks are less likely with it than without".into(),
        Some(Open::NoGroup) => "its group is too large to be found, or none that moves anything".into(),
        Some(Open::Chance) => {
            "it may be a coincidence: so little is tied that unsymmetric weights could look like it".into()
        }
        Some(Open::FewTasks) => "too few of the tasks could be used".into(),
        Some(Open::Hidden) => {
            "what one of its generators moves hardly matters, so that it is not seen for itself".into()
        }
        _ => "it could not be tested".into(),
    }
}

/// What would change the answer.
pub fn changes(verdict: &Verdict) -> Vec<String> {
    let mut found = Vec::new();
    match &verdict.kind {
        VerdictKind::Undecided { why, more_tasks } => {
            if let (Some(more), Why::Unbounded) = (more_tasks, why) {
                found.push(format!(
                    "About {more} more tasks: so few, whose maps vary in few ways or much in size, put no bound on what breaks a \
                     pattern. More examples of each would hardly help."
                ));
            } else if let Some(more) = more_tasks {
                let times = verdict.times_the_examples(*more);
                found.push(format!(
                    "About {more} more tasks, or about {times:.1} times the examples in each where noise is the reason, should \
                     narrow the interval of the most promising pattern to the tolerance."
                ));
            }
            match why {
                Why::FewTasks { needed } => found.push(format!(
                    "At least {needed} tasks: half of them look for candidates, and ten or more confirm them."
                )),
                Why::Blind { .. } => found.push(
                    "Not all that was planted in these data was found again: less noise, more examples or more tasks \
                     would make the search see."
                        .into(),
                ),
                _ => {}
            }
            found.push(
                "A larger --tolerance asks for less evidence; what is surely broken, by little or much, it does not accept."
                    .into(),
            );
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
