//! Families of finite groups, one a file. All constructors return
//! [`PermutationGroup`](crate::PermutationGroup)s with the family's usual action on points.

mod alternating;
mod cyclic;
mod dihedral;
mod direct_product;
mod hypercube;
mod icosahedron;
mod list;
mod parse;
mod quaternion;
mod rubik;
mod semidirect_product;
mod square_grid;
mod symmetric;
mod torus;
mod trivial;
mod user;
mod wreath_product;

pub use alternating::alternating;
pub use cyclic::cyclic;
pub use dihedral::dihedral;
pub use direct_product::direct_product;
pub(crate) use direct_product::parenthesised;
pub use hypercube::hypercube;
pub use icosahedron::icosahedron;
pub use list::{ALL_SMALL_GROUPS, SmallGroup};
pub use parse::parse;
pub use quaternion::quaternion;
pub use rubik::rubik;
pub use semidirect_product::{cyclic_semidirect, semidirect_product};
pub use square_grid::square_grid;
pub use symmetric::symmetric;
pub use torus::{torus_rotations, torus_translations};
pub use trivial::trivial;
pub use user::from_cycle_notation;
pub use wreath_product::wreath_product;
