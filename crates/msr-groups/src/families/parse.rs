//! Groups by the text of a call: what definition files and the command line write.

use super::{
    alternating, cyclic, cyclic_semidirect, dihedral, direct_product, hypercube, icosahedron, quaternion,
    rubik, square_grid, symmetric, torus_rotations, torus_translations, trivial, wreath_product,
};
use crate::action::Action;
use crate::error::{Error, Result, quoted};
use crate::group::PermutationGroup;

/// The most bytes of a text, and the most parentheses around one place of it.
const LONGEST: usize = 4_096;
const DEEPEST: usize = 16;

const KNOWN: &str = "trivial(n), cyclic(n), dihedral(n), symmetric(n), alternating(n), quaternion(), \
    square_grid(n), hypercube(n), icosahedron(), torus_translations(h, w), torus_rotations(n), rubik(), \
    semidirect(n, order), direct_product(G, H), wreath_product(G, H), product_grid(G, H), regular(G), \
    ordered_pairs(G), distinct_pairs(G), unordered_pairs(G)";

/// The group that a call describes: `dihedral(8)`, `wreath_product(cyclic(2), symmetric(3))`.
///
/// `product_grid(G, H)`, `regular(G)` and the pairs are the groups of permutations that these
/// actions make; `semidirect(n, order)` is [`cyclic_semidirect`].
///
/// # Errors
/// [`Error::Config`] for any other text, for one of more than 4,096 bytes, and for calls that are
/// nested more than 16 deep; what the constructors report.
///
/// # Example
/// ```
/// let group = msr_groups::parse_group("wreath_product(cyclic(2), symmetric(3))")?;
/// assert_eq!(group.order(), 48u32.into());
/// assert!(msr_groups::parse_group("octahedral(3)").is_err());
/// # Ok::<(), msr_groups::Error>(())
/// ```
pub fn parse(text: &str) -> Result<PermutationGroup> {
    let wrong = |problem: String| Error::Config { problem: format!("`{}`: {problem}", quoted(text)) };
    if text.len() > LONGEST {
        return Err(wrong(format!(
            "the name of a group has at most {LONGEST} bytes, this one {}",
            text.len()
        )));
    }
    let mut depth = 0usize;
    for letter in text.bytes() {
        depth = match letter {
            b'(' => depth + 1,
            b')' => depth.saturating_sub(1),
            _ => depth,
        };
        if depth > DEEPEST {
            return Err(wrong(format!("calls are nested at most {DEEPEST} deep")));
        }
    }
    call(text)
}

/// A call that is neither too long nor nested too deep.
fn call(text: &str) -> Result<PermutationGroup> {
    let wrong = |problem: String| Error::Config { problem: format!("`{}`: {problem}", quoted(text)) };
    let inside = text.trim().strip_suffix(')').and_then(|t| t.split_once('('));
    let Some((name, arguments)) = inside else {
        return Err(wrong(format!("a group is written as a call, one of {KNOWN}")));
    };
    let arguments = split(arguments);
    let count = |expected: usize| match arguments.len() {
        n if n == expected => Ok(()),
        n => Err(wrong(format!("{} takes {expected} arguments, got {n}; there are {KNOWN}", quoted(name)))),
    };
    let number = |at: usize| -> Result<usize> {
        arguments[at].parse().map_err(|_| wrong(format!("`{}` is no whole number", quoted(arguments[at]))))
    };
    let one = |build: fn(usize) -> Result<PermutationGroup>| count(1).and_then(|()| build(number(0)?));
    let two = |build: fn(usize, usize) -> Result<PermutationGroup>| {
        count(2).and_then(|()| build(number(0)?, number(1)?))
    };
    let none = |build: fn() -> PermutationGroup| count(0).map(|()| build());
    let groups = |build: fn(&PermutationGroup, &PermutationGroup) -> Result<PermutationGroup>| {
        count(2).and_then(|()| build(&call(arguments[0])?, &call(arguments[1])?))
    };
    let acting = |build: fn(&PermutationGroup) -> Result<Action>| {
        count(1).and_then(|()| build(&call(arguments[0])?)?.image_group())
    };
    match name.trim() {
        "trivial" => one(trivial),
        "cyclic" => one(cyclic),
        "dihedral" => one(dihedral),
        "symmetric" => one(symmetric),
        "alternating" => one(alternating),
        "square_grid" => one(square_grid),
        "hypercube" => one(hypercube),
        "torus_rotations" => one(torus_rotations),
        "torus_translations" => two(torus_translations),
        "semidirect" => two(cyclic_semidirect),
        "quaternion" => none(quaternion),
        "icosahedron" => none(icosahedron),
        "rubik" => none(rubik),
        "direct_product" => groups(direct_product),
        "wreath_product" => groups(wreath_product),
        "product_grid" => groups(|g, h| Action::product_grid(g, h)?.image_group()),
        "regular" => acting(Action::regular),
        "ordered_pairs" => acting(|g| Action::natural(g).on_ordered_pairs()),
        "distinct_pairs" => acting(|g| Action::natural(g).on_distinct_pairs()),
        "unordered_pairs" => acting(|g| Action::natural(g).on_unordered_pairs()),
        _ => Err(wrong(format!("there is no such family; there are {KNOWN}"))),
    }
}

/// The arguments between the commas that are not inside parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0usize, 0, Vec::new());
    for (i, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    if parts == [""] { Vec::new() } else { parts }
}
