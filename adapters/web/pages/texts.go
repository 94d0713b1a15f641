package pages

// texts are the words of the page in one language.
type texts struct {
	Lang, Title                                  string
	LinkHead, LinkText, LinkButton, LinkNoScript string
	CodeHead, CodeText, Email, Code, CodeButton  string
	AskHead, AskText, AskButton                  string
	Sent, Done, Refused, Malformed, Later, Other string
	As                                           string
}

var languages = map[string]texts{"en": english, "nl": dutch}

var english = texts{
	Lang: "en", Title: "Sign in",
	LinkHead: "Sign in with your link", LinkText: "Press the button to use the link from your mail. It works once.",
	LinkButton: "Sign in", LinkNoScript: "Without JavaScript this page cannot read your link. Use the code from the same mail instead.",
	CodeHead: "Use the code from the mail", CodeText: "The code works only in the browser in which the mail was asked for.",
	Email: "E-mail address", Code: "Code", CodeButton: "Sign in with the code",
	AskHead: "Ask for a mail", AskText: "You get a mail with a link and a code, to be used in this browser.",
	AskButton: "Send me a mail",
	Sent:      "If that address can sign in here, a mail is on its way. Enter its code below, or open its link in this browser.",
	Done: "It worked: your sign-in is confirmed and the link is used up. No portal address is set up behind this page, " +
		"so you have been signed out here again. Go on in the portal of your supplier.",
	Refused: "That did not work, and nothing was used up that still worked. A link or code works once, for a short time, and here " +
		"only in the browser in which the mail was asked for. Open the link in that browser, enter the code there, or ask for a new mail.",
	Malformed: "Something is missing or not written correctly. Please check what you entered.",
	Later:     "That cannot be done right now. Please try again in a while.",
	Other:     "That does not work here.",
	As:        "Confirmed for",
}

var dutch = texts{
	Lang: "nl", Title: "Inloggen",
	LinkHead: "Inloggen met uw link", LinkText: "Druk op de knop om de link uit uw e-mail te gebruiken. Hij werkt één keer.",
	LinkButton: "Inloggen", LinkNoScript: "Zonder JavaScript kan deze pagina uw link niet lezen. Gebruik de code uit dezelfde e-mail.",
	CodeHead: "De code uit de e-mail gebruiken", CodeText: "De code werkt alleen in de browser waarin om de e-mail is gevraagd.",
	Email: "E-mailadres", Code: "Code", CodeButton: "Inloggen met de code",
	AskHead: "Om een e-mail vragen", AskText: "U krijgt een e-mail met een link en een code, voor gebruik in deze browser.",
	AskButton: "Stuur mij een e-mail",
	Sent:      "Als dat adres hier kan inloggen, is er een e-mail onderweg. Vul hieronder de code in, of open de link in deze browser.", //nolint:misspell // Dutch
	Done: "Het is gelukt: uw login is bevestigd en de link is gebruikt. Achter deze pagina is geen portaaladres ingesteld, " +
		"daarom bent u hier weer uitgelogd. Ga verder in het portaal van uw leverancier.",
	Refused: "Dat is niet gelukt, en er is niets verbruikt dat nog werkte. Een link of code werkt één keer, korte tijd, en hier " +
		"alleen in de browser waarin om de e-mail is gevraagd. Open de link in die browser, vul daar de code in, of vraag om een nieuwe e-mail.",
	Malformed: "Er ontbreekt iets of het is niet juist geschreven. Controleer wat u hebt ingevuld.",
	Later:     "Dat kan nu niet. Probeer het later opnieuw.",
	Other:     "Dat werkt hier niet.",
	As:        "Bevestigd voor",
}

func (t texts) notice(s state) string {
	switch s {
	case stateSent:
		return t.Sent
	case stateDone:
		return t.Done
	case stateRefused:
		return t.Refused
	case stateOpen, stateProblem:
	}
	return ""
}
