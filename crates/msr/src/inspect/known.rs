//! Known groups, ranked by how well they fit.

use anyhow::Result;
use msr_experiments::console::Console;
use msr_groups::{Fit, SymmetryMatrix, known_actions, rank_groups};
use msr_report::{Table, number};

use super::patience::with_a_word;

/// Steps that are done in a second, at least, and the seconds beyond which groups are not ranked.
const STEPS_PER_SECOND: usize = 14_000_000;
const MOST_SECONDS: usize = 45;
/// Decimal digits of an order that are shown in full.
const DIGITS: usize = 15;

/// Prints the known groups that fit best, `count` of them; all of them are returned.
pub fn rank(symmetry: SymmetryMatrix<'_>, count: usize, console: &Console) -> Result<Vec<Fit>> {
    let (m, n) = (symmetry.outputs(), symmetry.inputs());
    if steps(m, n) / STEPS_PER_SECOND > MOST_SECONDS {
        console.say(&format!(
            "\nKnown groups are not ranked: for {m} × {n} weights this takes more than {MOST_SECONDS} s."
        ));
        return Ok(Vec::new());
    }
    let ranked = with_a_word("ranking known groups", || {
        known_actions(m, n).and_then(|known| rank_groups(symmetry, &known))
    });
    let fits = match ranked {
        Ok(fits) => fits,
        Err(reason) => {
            console.say(&format!("\nKnown groups are not ranked: {reason}."));
            return Ok(Vec::new());
        }
    };
    // A group that ties nothing fits every matrix.
    let fits: Vec<Fit> = fits.into_iter().filter(|fit| fit.free_parameters < m * n).collect();
    if fits.is_empty() {
        console.say(&format!(
            "\nNo family of groups that is known here acts on {n} inputs as they are numbered."
        ));
    } else {
        console.table(&format!(
            "\nKnown groups, acting on points as they are numbered, by residual:\n\n{}",
            table(&fits, count)
        ));
        console.say(
            "residual: ‖U − P(U)‖ / ‖U‖, P the projection on the group's equivariant maps; unsymmetric: that\n\
             of a matrix without any symmetry. Groups that a larger one implies, with a residual as small, are left out.",
        );
    }
    Ok(fits)
}

/// What ranking costs, before it starts: each family's group ties all weights once, and there are
/// more families where the inputs make more grids; and the order of the largest is a factorial,
/// which costs the square of its size in far smaller steps. The largest number stands for all
/// beyond the limit.
fn steps(m: usize, n: usize) -> usize {
    let (weights, points) = (m.saturating_mul(n), m.max(n));
    let factorial = points.saturating_mul(points) / 170;
    if weights.saturating_add(factorial) > MOST_SECONDS * STEPS_PER_SECOND {
        return usize::MAX;
    }
    let sides = 2..=n.isqrt();
    let grids = sides.filter(|side| n.is_multiple_of(*side)).count();
    weights.saturating_mul(8 + 8 * grids).saturating_add(factorial)
}

fn table(fits: &[Fit], count: usize) -> String {
    let head = ["group", "order", "free parameters", "residual", "unsymmetric"].map(String::from);
    let rows: Vec<Vec<String>> = fits
        .iter()
        .filter(|fit| fit.implied_by.is_none())
        .take(count.max(1))
        .map(|fit| {
            vec![
                fit.name.clone(),
                order(&fit.order),
                fit.free_parameters.to_string(),
                number(fit.residual),
                number(fit.by_chance),
            ]
        })
        .collect();
    Table::new(head, rows).to_string()
}

/// An order in decimals, or in scientific notation when these are many.
pub fn order(order: &impl ToString) -> String {
    let digits = order.to_string();
    if digits.len() <= DIGITS {
        return digits;
    }
    // Rounded by what comes next; 9.995 becomes 10.00, one power higher.
    let first: u32 = digits.get(..4).and_then(|d| d.parse().ok()).unwrap_or(0);
    let (rounded, power) = ((first + 5) / 10, digits.len() - 1);
    let (rounded, power) = if rounded == 1000 { (100, power + 1) } else { (rounded, power) };
    format!("{}.{:02}e{power}", rounded / 100, rounded % 100)
}

#[cfg(test)]
mod tests {
    use super::{MOST_SECONDS, STEPS_PER_SECOND, order, steps};

    /// Sizes whose cost was measured: what ends within a minute is ranked, what does not is not.
    #[test]
    fn what_ranking_costs_is_known_before() {
        let ranked = |m, n| steps(m, n) / STEPS_PER_SECOND <= MOST_SECONDS;
        assert!(ranked(2000, 2000) && ranked(1, 200_000) && ranked(100, 50_257) && ranked(10_000, 200));
        assert!(!ranked(4096, 4096) && !ranked(1_000_000, 1) && !ranked(usize::MAX, usize::MAX));
    }

    #[test]
    fn long_orders_are_in_scientific_notation() {
        let numbers = ["720", "999999999999999", "1234567890123456", "9999999999999999", "1000000000000000"];
        assert_eq!(numbers.map(|n| order(&n)), ["720", "999999999999999", "1.23e15", "1.00e16", "1.00e15"]);
    }
}
