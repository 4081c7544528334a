package deid

import (
	"net/netip"
	"strings"
	"time"
)

// digitsOf are the digits of s, in order.
func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func countDigits(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			n++
		}
	}
	return n
}

// residentWeights are those of GB 11643-1999, which is ISO 7064 MOD 11-2.
var residentWeights = [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}

// provinces are the first two digits of China's administrative divisions (GB/T 2260).
const provinces = " 11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 "

// validResident checks a resident's number of 18 places, or of 15 as they were until 1999 and which has no check digit.
func validResident(s string) bool {
	if len(s) < 15 || !strings.Contains(provinces, " "+s[:2]+" ") {
		return false
	}
	switch len(s) {
	case 15:
		return validDay("19" + s[6:12])
	case 18:
		sum := 0
		for i, w := range residentWeights {
			sum += int(s[i]-'0') * w
		}
		return validDay(s[6:14]) && "10X98765432"[sum%11] == strings.ToUpper(s)[17]
	}
	return false
}

// validDay takes YYYYMMDD.
func validDay(s string) bool {
	t, err := time.Parse("20060102", s)
	return err == nil && t.Year() >= 1850 && t.Year() <= 2100
}

// luhn checks the last digit of a card's number (ISO/IEC 7812-1).
func luhn(digits string) bool {
	if len(digits) < 13 || len(digits) > 19 || digits[0] == '0' {
		return false
	}
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// vinValues are what letters count in a vehicle's number (49 CFR 565.15); I, O and Q stand in none.
var vinValues = map[byte]int{
	'A': 1, 'B': 2, 'C': 3, 'D': 4, 'E': 5, 'F': 6, 'G': 7, 'H': 8, 'J': 1, 'K': 2, 'L': 3, 'M': 4, 'N': 5, 'P': 7, 'R': 9,
	'S': 2, 'T': 3, 'U': 4, 'V': 5, 'W': 6, 'X': 7, 'Y': 8, 'Z': 9,
}

var vinWeights = [17]int{8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2}

func validVIN(s string) bool {
	if len(s) != 17 {
		return false
	}
	sum := 0
	for i, w := range vinWeights {
		v, letter := vinValues[s[i]]
		if !letter {
			if s[i] < '0' || s[i] > '9' {
				return false
			}
			v = int(s[i] - '0')
		}
		sum += v * w
	}
	return "0123456789X"[sum%11] == s[8]
}

func validIP(s string) bool {
	addr, err := netip.ParseAddr(s)
	return err == nil && !addr.IsUnspecified()
}

// validParts takes month and day in either order.
func validParts(a, b int) bool {
	return a >= 1 && b >= 1 && (a <= 12 && b <= 31 || b <= 12 && a <= 31)
}
