//! The Python literals of which a header is made.

/// How deep brackets may be nested: a record of records of records has no more.
const DEEPEST: usize = 16;

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Integer(i128),
    Bool(bool),
    Nothing,
    Tuple(Vec<Literal>),
    List(Vec<Literal>),
    Dict(Vec<(Literal, Literal)>),
}

type Result<T> = std::result::Result<T, String>;

/// The literal that the whole of `text` is.
pub(super) fn parse(text: &str) -> Result<Literal> {
    let mut parser = Parser { rest: text };
    let literal = parser.literal(0)?;
    parser.blanks();
    if parser.rest.is_empty() { Ok(literal) } else { Err(parser.unexpected()) }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn blanks(&mut self) {
        // A header may end in zeros instead of blanks.
        self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\0');
    }

    fn unexpected(&self) -> String {
        match self.rest.chars().next() {
            Some(found) => format!("unexpected {found:?}"),
            None => "it ends too early".into(),
        }
    }

    /// Skips blanks, then takes this, when it is there.
    fn takes(&mut self, token: &str) -> bool {
        self.blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn literal(&mut self, depth: usize) -> Result<Literal> {
        if depth > DEEPEST {
            return Err(format!("more than {DEEPEST} brackets inside each other"));
        }
        for (word, literal) in
            [("True", Literal::Bool(true)), ("False", Literal::Bool(false)), ("None", Literal::Nothing)]
        {
            if self.takes(word) {
                return Ok(literal);
            }
        }
        if self.takes("(") {
            let (items, comma) = self.items(")", depth)?;
            // One value in brackets is that value; with a comma behind it, a tuple of one.
            return match <[Literal; 1]>::try_from(items) {
                Ok([only]) if !comma => Ok(only),
                Ok(only) => Ok(Literal::Tuple(only.into())),
                Err(items) => Ok(Literal::Tuple(items)),
            };
        }
        if self.takes("[") {
            return Ok(Literal::List(self.items("]", depth)?.0));
        }
        if self.takes("{") {
            return self.dict(depth);
        }
        for prefix in ["u'", "u\"", "U'", "U\"", "b'", "b\"", "'", "\""] {
            if self.takes(prefix) {
                return self.text(if prefix.ends_with('\'') { '\'' } else { '"' });
            }
        }
        self.integer()
    }

    /// Items up to the closing bracket, and whether the last one has a comma behind it.
    fn items(&mut self, end: &str, depth: usize) -> Result<(Vec<Literal>, bool)> {
        let (mut items, mut comma) = (Vec::new(), false);
        while !self.takes(end) {
            if !items.is_empty() && !comma {
                return Err(self.unexpected());
            }
            items.push(self.literal(depth + 1)?);
            comma = self.takes(",");
        }
        Ok((items, comma))
    }

    fn dict(&mut self, depth: usize) -> Result<Literal> {
        let (mut entries, mut comma) = (Vec::new(), true);
        while !self.takes("}") {
            if !comma {
                return Err(self.unexpected());
            }
            let key = self.literal(depth + 1)?;
            if !self.takes(":") {
                return Err(self.unexpected());
            }
            entries.push((key, self.literal(depth + 1)?));
            comma = self.takes(",");
        }
        Ok(Literal::Dict(entries))
    }

    /// What follows an opening quote.
    fn text(&mut self, quote: char) -> Result<Literal> {
        let mut text = String::new();
        let mut chars = self.rest.chars();
        while let Some(c) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = chars.as_str();
                    return Ok(Literal::Text(text));
                }
                '\\' => text.push(escaped(&mut chars)?),
                '\n' => break,
                c => text.push(c),
            }
        }
        Err("a quote that is not closed".into())
    }

    fn integer(&mut self) -> Result<Literal> {
        let negative = self.takes("-");
        self.blanks();
        let digits = |rest: &str| rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (number, rest) = self.rest.split_at(digits(self.rest));
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.unexpected());
        }
        // Python 2 wrote long integers with an L.
        let digits = number.strip_suffix(['L', 'l']).unwrap_or(number);
        let (digits, radix) = match digits.get(..2) {
            Some("0x" | "0X") => (&digits[2..], 16),
            Some("0o" | "0O") => (&digits[2..], 8),
            Some("0b" | "0B") => (&digits[2..], 2),
            _ => (digits, 10),
        };
        let value = i128::from_str_radix(digits, radix).map_err(|_| format!("{number:?} is no integer"))?;
        self.rest = rest;
        Ok(Literal::Integer(if negative { -value } else { value }))
    }
}

/// The letter that an escape stands for.
fn escaped(chars: &mut std::str::Chars<'_>) -> Result<char> {
    let digits = match chars.next() {
        Some('n') => return Ok('\n'),
        Some('t') => return Ok('\t'),
        Some('r') => return Ok('\r'),
        Some(c @ ('\\' | '\'' | '"')) => return Ok(c),
        Some('x') => 2,
        Some('u') => 4,
        Some('U') => 8,
        _ => return Err("an escape that is not known".into()),
    };
    let code: String = chars.by_ref().take(digits).collect();
    let letter =
        u32::from_str_radix(&code, 16).ok().filter(|_| code.len() == digits).and_then(char::from_u32);
    letter.ok_or_else(|| format!("the escape {code:?} is no letter"))
}
