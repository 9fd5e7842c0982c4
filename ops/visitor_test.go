package ops_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

const ownHost = "127.0.0.1:8000"

// visitor is a person's browser, so far as the server can tell.
type visitor struct {
	t       *testing.T
	site    http.Handler
	shown   *paper
	cookies map[string]*http.Cookie
	header  http.Header // sent with every request
	tls     bool
}

// visit opens a browser that is signed in nowhere.
func (s *stage) visit() *visitor { return s.visitOf(s.API) }

func (s *stage) visitOf(site http.Handler) *visitor {
	return &visitor{t: s.t, site: site, shown: s.shown, cookies: make(map[string]*http.Cookie), header: make(http.Header)}
}

// visitAs opens a browser and signs in with a secret.
func (s *stage) visitAs(secret string) *visitor {
	s.t.Helper()
	v := s.visit()
	v.signIn(secret, "").want(http.StatusSeeOther)
	return v
}

func (v *visitor) signIn(secret, next string) *sheet {
	v.t.Helper()
	return v.post("/ops/sign-in", url.Values{"key": {secret}, "next": {next}})
}

// get opens an address.
func (v *visitor) get(target string) *sheet {
	v.t.Helper()
	return v.send(v.request(http.MethodGet, target, nil))
}

// post sends a form, as a page of the same site does.
func (v *visitor) post(target string, form url.Values) *sheet {
	v.t.Helper()
	r := v.request(http.MethodPost, target, form)
	r.Header.Set("Origin", "http://"+ownHost)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.send(r)
}

// do sends a form that must be taken, and opens the page that it leads to.
func (v *visitor) do(target string, form url.Values) *sheet {
	v.t.Helper()
	return v.post(target, form).want(http.StatusSeeOther).follow()
}

func (v *visitor) request(method, target string, form url.Values) *http.Request {
	r := httptest.NewRequestWithContext(v.t.Context(), method, target, strings.NewReader(form.Encode()))
	r.Host = ownHost
	if v.tls {
		r.TLS = new(tls.ConnectionState)
	}
	for name, values := range v.header {
		r.Header[name] = values
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range v.cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return r
}

// send makes a request, keeps the cookies of the answer, and reads it.
func (v *visitor) send(r *http.Request) *sheet {
	v.t.Helper()
	w := answerOf(v.site, r)
	for _, c := range w.Result().Cookies() {
		if v.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		}
	}
	v.shown.Write([]byte(w.Header().Get("Location") + "\n" + w.Body.String() + "\n"))
	return v.read(r, w)
}

func answerOf(site http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	return w
}

// sheet is an answer as the browser has it.
type sheet struct {
	visitor *visitor
	target  string
	status  int
	header  http.Header
	body    string // each byte that is no UTF-8 is shown as U+FFFD
	root    *node  // nil where it is no page
}

func (v *visitor) read(r *http.Request, w *httptest.ResponseRecorder) *sheet {
	v.t.Helper()
	s := &sheet{visitor: v, target: r.URL.RequestURI(), status: w.Code, header: w.Header(), body: string([]rune(w.Body.String()))}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") && w.Code != http.StatusSeeOther {
		root, err := parse(s.body)
		if err != nil {
			v.t.Fatalf("%s %s is not well formed: %v", r.Method, s.target, err)
		}
		s.root = root
	}
	return s
}

func (s *sheet) want(status int) *sheet {
	s.visitor.t.Helper()
	if s.status != status {
		s.visitor.t.Fatalf("%s: status %d, want %d: %s", s.target, s.status, status, s.words())
	}
	return s
}

// words are all that is to be read on the sheet.
func (s *sheet) words() string {
	if s.root == nil {
		return s.body
	}
	return s.root.words()
}

// follow opens the address that the answer leads to.
func (s *sheet) follow() *sheet {
	s.visitor.t.Helper()
	to := s.header.Get("Location")
	if to == "" {
		s.visitor.t.Fatalf("%s leads nowhere: %d %s", s.target, s.status, s.body)
	}
	return s.visitor.get(to)
}

// says fails unless each of the texts is to be read on the sheet.
func (s *sheet) says(texts ...string) *sheet {
	s.visitor.t.Helper()
	for _, text := range texts {
		if !strings.Contains(s.words(), text) {
			s.visitor.t.Errorf("%s does not say %.200q: %.3000s", s.target, text, s.words())
		}
	}
	return s
}

// id is the element with this id; the test ends where there is none.
func (s *sheet) id(id string) *node {
	s.visitor.t.Helper()
	for n := range s.root.all("") {
		if n.attr["id"] == id {
			return n
		}
	}
	s.visitor.t.Fatalf("%s has no #%s: %s", s.target, id, s.words())
	return nil
}

// form is the form that leads to an address; nil where there is none.
func (s *sheet) form(action string) *node {
	for n := range s.root.all("form") {
		if n.attr["action"] == action {
			return n
		}
	}
	return nil
}

// field is what stands in a field of a form that does something.
func (s *sheet) field(name string) string {
	s.visitor.t.Helper()
	for form := range s.root.all("form") {
		for n := range form.all("input") {
			if form.attr["method"] == "post" && n.attr["name"] == name {
				return n.attr["value"]
			}
		}
	}
	s.visitor.t.Fatalf("%s has no field %s", s.target, name)
	return ""
}
