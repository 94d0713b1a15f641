package mail_test
import ("testing";"bytes";"ostiary/adapters/mail";"fmt")
func TestZZ(t *testing.T){ var b bytes.Buffer; m,_:=mail.Open(mail.Config{Kind:mail.Console},needs(&b)); x:=signIn(); _ = m.Send(t.Context(),x); x.Locale="nl"; _ = m.Send(t.Context(),x); fmt.Println(b.String()); r:=deliver(t,x); fmt.Println(r.html, r.header)}
