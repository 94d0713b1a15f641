package attack_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

const (
	kim = "Kim.Lisi@Kiosk.example"
	// buecher is shown as it was entered; mail goes to its A-label.
	buecher       = "info@b\u00fccher.example"
	buecherASCII  = "info@xn--bcher-kva.example"
	withoutUmlaut = "info@bucher.example"
)

// twinsOf are spellings that some reader takes for kim.
var twinsOf = map[string]string{
	"dotless i":              "k\u0131m.lisi@kiosk.example",
	"dotted I":               "K\u0130m.lisi@kiosk.example",
	"dotted i, combined":     "ki\u0307m.lisi@kiosk.example",
	"Kelvin":                 "\u212aim.lisi@kiosk.example",
	"Kelvin in the domain":   "kim.lisi@\u212aiosk.example",
	"long s":                 "kim.li\u017fi@kiosk.example",
	"long s in the domain":   "kim.lisi@kio\u017fk.example",
	"fullwidth":              "\uff4bim.lisi@kiosk.example",
	"fullwidth domain":       "kim.lisi@\uff4biosk.example",
	"fullwidth at":           "kim.lisi\uff20kiosk.example",
	"ideographic full stop":  "kim.lisi@kiosk\u3002example",
	"circled letter":         "kim.lisi@\u24daiosk.example",
	"ligature":               "kim.li\ufb01@kiosk.example",
	"zero width space":       "kim.\u200blisi@kiosk.example",
	"zero width in domain":   "kim.lisi@kio\u200bsk.example",
	"zero width joiner":      "kim.lisi@kio\u200dsk.example",
	"soft hyphen":            "kim.lisi@kio\u00adsk.example",
	"word joiner":            "kim.lisi@kiosk.ex\u2060ample",
	"right-to-left mark":     "kim.lisi\u200f@kiosk.example",
	"right-to-left override": "\u202ekim.lisi@kiosk.example",
	"Cyrillic i":             "k\u0456m.lisi@kiosk.example",
	"Cyrillic in the domain": "kim.lisi@k\u0456osk.example",
	"Greek omicron":          "kim.lisi@ki\u03bfsk.example",
	"combining":              "kim.lisi@kiosk\u0301.example",
	"variation selector":     "kim.lisi@kiosk\ufe0f.example",
	"byte order mark":        "\ufeffkim.lisi@kiosk.example",
	"plus tag":               "kim.lisi+x@kiosk.example",
	"no dot":                 "kimlisi@kiosk.example",
	"punycode of the plain":  "kim.lisi@xn--kiosk-.example",
	"other top":              "kim.lisi@kiosk.example.evil.example",
}

// Test041_TwinsAreSomebodyElse asks for links with addresses that look or fold
// like a contact's.
func Test041_TwinsAreSomebodyElse(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p, box := opening(d, "t041")
		enrol(d, p, kim)
		known := unboundReply(t, box.vain(program.AskForLink("t041", strings.ToUpper(kim))))
		for about, twin := range twinsOf {
			got := d.Send(program.AskForLink("t041", twin))
			if got.Status == http.StatusOK {
				box.asked++
				alike(t, known, unboundReply(t, got), about)
			} else {
				require.Equal(t, http.StatusBadRequest, got.Status, about)
			}
			require.Contains(t, []int{http.StatusBadRequest, http.StatusUnauthorized}, d.Send(program.LoginAs("t041", twin, program.FirstPassword)).Status, about)
		}

		require.Equal(t, []string{"<" + kimMailbox + ">", "<" + kimMailbox + ">"}, receivers(box, kim), "by its own spelling alone, and to the address on record")
		d.Must(http.StatusOK, program.LoginAs("t041", strings.ToLower(kim), program.FirstPassword))
	})
}

// kimMailbox is the local part as entered at the domain as it is looked up.
const kimMailbox = "Kim.Lisi@kiosk.example"

// Test042_DomainsDoNotCross is about names that more than one spelling has.
func Test042_DomainsDoNotCross(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p, box := opening(d, "t042")
		enrol(d, p, buecher)
		enrol(d, p, withoutUmlaut)
		to := map[string]int{}
		for mail, receiver := range map[string]string{
			buecher: buecherASCII, buecherASCII: buecherASCII, "info@XN--BCHER-KVA.example": buecherASCII,
			"info@B\u00dcCHER.example": buecherASCII, "info@bu\u0308cher.example": buecherASCII, withoutUmlaut: withoutUmlaut,
		} {
			box.vain(program.AskForLink("t042", mail))
			to["<"+receiver+">"]++
		}
		for _, mail := range []string{
			"info@xn--bucher-.example", "info@xn--example-.com", "info@xn--.example", "info@xn--a.example", "info@xn--bcher-kva.xn--example-.com",
			"info@xn--bcher-kv\u0430.example", "info@xn--b\u00fccher-kva.example", "info@b\u00fccher.example.", "info@xn--bcher-kvb.example",
			"info@b\u00fccher\u3002example", "info@bue\u00adcher.example", "info@\u0184ucher.example", "info@b\u044dcher.example", "info@buecher.example",
			"info@xn--bcher-kva.example.evil.example", "info@xn--xn--bcher-kva-.example",
		} {
			got := d.Send(program.AskForLink("t042", mail))
			if got.Status == http.StatusOK {
				box.asked++
			} else {
				require.Equal(t, http.StatusBadRequest, got.Status, "%q", mail)
			}
			require.Contains(t, []int{http.StatusBadRequest, http.StatusUnauthorized}, d.Send(program.LoginAs("t042", mail, program.FirstPassword)).Status, "%q", mail)
		}

		to["<"+program.Address+">"]++
		got := map[string]int{}
		for _, one := range receivers(box, program.Address) {
			got[one]++
		}
		require.Equal(t, to, got)
	})
}
