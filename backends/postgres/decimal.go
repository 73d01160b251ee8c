package postgres

import (
	"fmt"
	"math/big"
	"strconv"
)

// digitsOf reads p and s of numeric(p, s) in the modifier of a column, less the bytes of its header; none where there is no bound.
func digitsOf(modifier int) (precision, scale int) {
	if modifier == 0 {
		return 0, 0
	}
	return modifier >> 16, (modifier&0x7ff ^ 1024) - 1024
}

// rounds says why a number would not be the same in the column: the server would round it and say nothing, or not have it at all. "": it would be.
func (c *column) rounds(said string) string {
	n, ok := new(big.Rat).SetString(said)
	if !ok {
		return ""
	}
	bits := map[string]int{"real": 32, "double precision": 64}[c.typ]
	if bits > 0 {
		f, err := strconv.ParseFloat(said, bits)
		if err != nil {
			return "it is out of range"
		}
		if held, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, bits)); !ok || held.Cmp(n) != 0 {
			return "it has more digits than the type " + c.typ
		}
		return ""
	}
	if c.precision == 0 {
		return ""
	}
	ten := func(exponent int) *big.Rat {
		p := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exponent, -exponent))), nil))
		if exponent < 0 {
			p.Inv(p)
		}
		return p
	}
	if !new(big.Rat).Mul(n, ten(c.scale)).IsInt() {
		return fmt.Sprintf("it has more than %d digits behind the point", max(c.scale, 0))
	}
	if n.Abs(n).Cmp(ten(c.precision-c.scale)) >= 0 {
		return fmt.Sprintf("it has more than %d digits before the point", max(c.precision-c.scale, 0))
	}
	return ""
}
