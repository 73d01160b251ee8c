package main

import (
	"fmt"
	"net/url"
	"strings"
)

// The corpus of hostile requests. TestHostileRequestsAreRefusedAndChangeNothing sends them.

// hostile is one request as bytes on the wire. head is the request line and headers without the token; %s in it is the id
// of a user.
type hostile struct {
	claim, head, body string
	length            int  // Content-Length, when it is not the body's
	cut               bool // the client closes its side after the body
	bare              bool // head is sent as it is, without Host and Authorization
	status            []int
	plain             bool   // net/http itself refuses it, with a line of plain text: it never reaches the adapter
	closed            bool   // a close without an answer is as good: HTTP itself is broken
	holds             string // what the answer must hold
}

func get(claim, path string, status ...int) hostile {
	return hostile{claim: claim, head: "GET /scim/v2" + path + " HTTP/1.1", status: status}
}

// plainly is a request that net/http itself refuses.
func plainly(c hostile) hostile {
	c.plain = true
	return c
}

func filtered(claim, filter string, status ...int) hostile {
	return get(claim, "/Users?filter="+url.QueryEscape(filter), status...)
}

func post(claim, body string, status ...int) hostile {
	return hostile{claim: claim, head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/scim+json", body: body, status: status}
}

func patching(claim, body string, status ...int) hostile {
	return hostile{claim: claim, head: "PATCH /scim/v2/Users/%s HTTP/1.1\r\nContent-Type: application/scim+json", body: body, status: status}
}

// manyOps is a PATCH of n times the same operation.
func manyOps(n int, operation string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + strings.TrimSuffix(strings.Repeat(operation+",", n), ",") + `]}`
}

func hostileBodies() []hostile {
	deep, long := 100_000, strings.Repeat("x", 1_000_000)
	return []hostile{
		post("objects 100,000 deep", strings.Repeat(`{"a":`, deep)+"1"+strings.Repeat("}", deep), 400),
		post("arrays 100,000 deep", `{"userName":`+strings.Repeat("[", deep)+strings.Repeat("]", deep)+"}", 400),
		post("arrays 100,000 deep that nothing closes", `{"emails":`+strings.Repeat("[", deep), 400),
		post("a name twice", `{"userName":"hostile","userName":"b"}`, 400),
		post("a name twice in another case", `{"userName":"hostile","USERNAME":"b"}`, 400),
		post("a name twice, escaped once", `{"userName":"hostile","user\u004eame":"b"}`, 400),
		post("a name twice, further down", `{"userName":"hostile","name":{"givenName":"a","givenName":"b"}}`, 400),
		post("bytes that are no UTF-8", "{\"userName\":\"hostile\xff\xfe\"}", 400),
		post("half a surrogate pair", `{"userName":"hostile\ud800"}`, 400),
		post("UTF-16", "\xff\xfe{\x00\"\x00a\x00\"\x00:\x001\x00}\x00", 400),
		post("a raw NUL", "{\"userName\":\"hostile\x00\"}", 400),
		post("a number that overflows", `{"userName":"hostile","active":1e999999}`, 400),
		post("a number for text that overflows", `{"userName":`+strings.Repeat("9", 100_000)+`}`, 400),
		post("a list of what is one", `{"userName":["hostile","b"]}`, 400),
		post("an object of what is a text", `{"userName":{"$gt":""}}`, 400),
		post("text behind the object", `{"userName":"hostile"} {"userName":"b"}`, 400),
		post("a userName of a million bytes", `{"userName":"`+long+`"}`, 400, 413),
		post("a million blanks and nothing", strings.Repeat(" ", 1_000_000), 400),
		post("100,000 unknown names and no userName", "{"+numbered(`"k%d":1`, 60_000)+"}", 400),
		patching("a PATCH that ends in a fault after 2,000 operations", manyOps(2000, `{"op":"replace","path":"title","value":"x"},{"op":"add","path":"emails[type eq \"work\"].value","value":"a@b"}`)[:90_000], 400),
		patching("a PATCH of 2,000 unknown paths", manyOps(2000, `{"op":"replace","path":"shoeSize","value":"x"}`), 400),
		patching("a PATCH of 2,000 operations, the last of which is wrong", strings.Replace(manyOps(2000, `{"op":"replace","path":"title","value":"x"}`), `]}`, `,{"op":"replace","path":"id","value":"x"}]}`, 1), 400),
		patching("a PATCH path of a nesting filter", manyOps(1, `{"op":"remove","path":"emails[`+strings.Repeat("(", 5000)+`type eq 1"}`), 400),
		patching("a PATCH path of a million bytes", manyOps(1, `{"op":"remove","path":"`+long[:900_000]+`"}`), 400),
		{claim: "half a body", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/scim+json", body: `{"userName":"hostile"}`, length: 500, cut: true, status: []int{400}, closed: true},
		{claim: "a body longer than it says", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/scim+json", body: `{"userName":"hostile"}`, length: 10, status: []int{400}},
		{claim: "chunk garbage", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/scim+json\r\nTransfer-Encoding: chunked", body: "zz\r\n{\"userName\":\"hostile\"}\r\n0\r\n\r\n", length: -1, status: []int{400}},
		{claim: "a chunk that ends early", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/scim+json\r\nTransfer-Encoding: chunked", body: "16\r\n{\"userName\":\"hostile\"}\r\n", length: -1, cut: true, status: []int{400}, closed: true},
		{claim: "chunks and a length", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked", body: "0\r\n\r\n", length: 5, status: []int{400, 415}},
		{claim: "two lengths", plain: true, head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Length: 3", body: "{}", status: []int{400}},
		{claim: "an unknown transfer coding", plain: true, head: "POST /scim/v2/Users HTTP/1.1\r\nTransfer-Encoding: gzip", length: -1, status: []int{501, 400}},
		{claim: "a negative length", plain: true, head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Length: -1", length: -1, status: []int{400}},
		{claim: "a body of 2 GB announced", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/scim+json", body: "{", length: 2_000_000_000, status: []int{413}},
	}
}

// numbered is n texts with a number each, separated by commas.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func hostileQueries() []hostile {
	return []hostile{
		filtered("a filter with NUL", "userName eq \"a\x00b\"", 200, 400),
		filtered("a filter with an escaped NUL", `userName eq "a\u0000b"`, 200, 400),
		filtered("a filter that is no UTF-8", "userName eq \"\xff\"", 400),
		filtered("a filter of 60 KiB in one value", `userName eq "`+strings.Repeat("x", 60_000)+`"`, 400, 200, 431),
		filtered("a filter of 3,000 terms", strings.TrimSuffix(strings.Repeat(`id pr or `, 3000), " or "), 200, 400),
		plainly(filtered("a filter of 10,000 terms", strings.TrimSuffix(strings.Repeat(`id pr or `, 10_000), " or "), 400, 431)),
		filtered("a filter nested 10,000 deep", strings.Repeat("(", 10_000)+"id pr"+strings.Repeat(")", 10_000), 400, 431),
		filtered("a filter of 5,000 nots", strings.Repeat("not (", 3000)+"id pr"+strings.Repeat(")", 3000), 400, 431),
		filtered("a filter with a huge number", `meta.version eq `+strings.Repeat("9", 10_000), 400),
		filtered("a filter with an LDAP filter", `userName eq "*)(uid=*"`, 200),
		filtered("a filter with a huge exponent", `userName eq 1e999999999`, 400),
		get("10,000 attributes", "/Users?attributes="+strings.Repeat("userName,", 6000), 200, 400, 431),
		get("10,000 unknown attributes", "/Users?attributes="+numbered("a%d", 8000), 200, 400, 431),
		get("a broken escape in the query", "/Users?filter=%zz", 400),
		get("a semicolon in the query", "/Users?count=1;filter=x", 400, 200),
		get("a filter twice", "/Users?filter=id+pr&filter=userName+pr", 400),
		get("a count that overflows", "/Users?count=99999999999999999999999", 400, 200),
		get("a start that overflows", "/Users?startIndex=9223372036854775807&count=1000", 200, 400),
		get("a negative start and count", "/Users?startIndex=-9223372036854775808&count=-9223372036854775808", 200),
		get("%2F in an id", "/Users/..%2F..%2Fetc%2Fpasswd", 404),
		get("dots", "/Users/../Groups", 404),
		get("encoded dots", "/Users/%2e%2e", 404),
		get("%00 in an id", "/Users/a%00b", 404),
		get("a DN as an id", "/Users/"+url.PathEscape("uid=x,ou=people,"+suffix), 404),
		plainly(get("a broken escape in an id", "/Users/%zz", 400, 404)),
		get("an id that is no UTF-8", "/Users/%ff%fe", 404),
		get("an id of 50,000 bytes", "/Users/"+strings.Repeat("a", 50_000), 404, 431),
		get("an id of slashes", "/Users/////", 200, 404),
		get("an id in another case and with braces", "/Users/{%s}", 404),
	}
}

func hostileHeads() []hostile {
	return []hostile{
		{claim: "10,000 headers", plain: true, head: "GET /scim/v2/Users HTTP/1.1\r\n" + strings.TrimSuffix(strings.Repeat("X-A: b\r\n", 10_000), "\r\n"), status: []int{431, 200}},
		{claim: "a header of 2 MB", plain: true, head: "GET /scim/v2/Users HTTP/1.1\r\nX-A: " + strings.Repeat("x", 2<<20), status: []int{431}, closed: true},
		{claim: "two tokens", head: "GET /scim/v2/Users HTTP/1.1\r\nAuthorization: Bearer other", status: []int{401}},
		{claim: "a token of 60 KB", head: "GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + strings.Repeat("x", 60_000), bare: true, status: []int{401, 431}},
		{claim: "HTTP/1.0", head: "GET /scim/v2/Users?count=0 HTTP/1.0", status: []int{200}},
		{claim: "HTTP/1.0 without anything", head: "GET /scim/v2/Users HTTP/1.0", bare: true, status: []int{401}},
		{claim: "HTTP/1.1 without a Host", plain: true, head: "GET /scim/v2/Users HTTP/1.1", bare: true, status: []int{400}},
		{claim: "a Host that is a header injection", plain: true, head: "GET /scim/v2/Users HTTP/1.1\r\nHost: a b<script>", bare: true, status: []int{400}},
		{claim: "HTTP/9.9", plain: true, head: "GET /scim/v2/Users HTTP/9.9", status: []int{505}},
		{claim: "no HTTP at all", plain: true, head: "\x16\x03\x01\x02\x00\x01\x00\x01", bare: true, status: []int{400}},
		{claim: "an absolute URL", head: "GET http://other.example/scim/v2/Users?count=0 HTTP/1.1", status: []int{200}},
		{claim: "an absolute URL without a token", head: "GET http://other.example/scim/v2/Users HTTP/1.1\r\nHost: x", bare: true, status: []int{401}},
		{claim: "OPTIONS *", plain: true, head: "OPTIONS * HTTP/1.1", status: []int{200, 404, 405}},
		{claim: "OPTIONS", head: "OPTIONS /scim/v2/Users HTTP/1.1", status: []int{405}},
		{claim: "TRACE", head: "TRACE /scim/v2/Users HTTP/1.1\r\nX-Secret: s", status: []int{405}},
		{claim: "CONNECT", head: "CONNECT other.example:443 HTTP/1.1", status: []int{404, 405}},
		{claim: "a method of 10,000 letters", head: strings.Repeat("A", 10_000) + " /scim/v2/Users HTTP/1.1", status: []int{405, 400}},
		{claim: "a header without a colon", plain: true, head: "GET /scim/v2/Users HTTP/1.1\r\nnonsense", status: []int{400}},
		{claim: "a folded header", head: "GET /scim/v2/Users?count=0 HTTP/1.1\r\nX-A: a\r\n b", status: []int{400, 200}},
		{claim: "a request id with line ends", plain: true, head: "GET /scim/v2/Users?count=0 HTTP/1.1\r\nX-Request-Id: a\x0bb", status: []int{400, 200}},
		{claim: "an upgrade", head: "GET /scim/v2/Users?count=0 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c", status: []int{200}},
		{claim: "If-Match of 50,000 tags", head: "DELETE /scim/v2/Users/%s HTTP/1.1\r\nIf-Match: " + strings.Repeat(`"x",`, 12_000), status: []int{412, 431}},
	}
}

// bulking is a bulk request of these operations.
func bulking(claim, operations string, status ...int) hostile {
	return hostile{
		claim: claim, head: "POST /scim/v2/Bulk HTTP/1.1\r\nContent-Type: application/scim+json",
		body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` + operations + `]}`, status: status,
	}
}

// members are references to what n operations create, but for one of them.
func members(n, but int) string {
	var all []string
	for i := range n {
		if i != but {
			all = append(all, fmt.Sprintf(`{"value":"bulkId:%d"}`, i))
		}
	}
	return strings.Join(all, ",")
}

// making is the create of a group of these members.
func making(bulkID int, name, members string) string {
	return fmt.Sprintf(`{"method":"POST","path":"/Groups","bulkId":"%d","data":{"displayName":"%s","members":[%s]}}`, bulkID, name, members)
}

// refused is a name that a group cannot have: its create comes as far as the service, and nothing is made.
const refused = `hostile\u0000`

// bomb is n creates of groups, each of which refers to all the others and to one that nobody creates: none of them is begun.
func bomb(n int) string {
	ops := make([]string, n)
	for i := range ops {
		ops[i] = making(i, fmt.Sprintf("hostile%d", i), `{"value":"bulkId:nobody"},`+members(n, i))
	}
	return strings.Join(ops, ",")
}

// chain is n creates of groups of which each has the next as its member, and the last, which is refused, nobody.
func chain(n int) string {
	ops := make([]string, n)
	for i := range ops {
		ops[i] = making(i, fmt.Sprintf("hostile%d", i), fmt.Sprintf(`{"value":"bulkId:%d"}`, i+1))
	}
	ops[n-1] = making(n-1, refused, "")
	return strings.Join(ops, ",")
}

// ring is n creates of groups of which each has the next as its member, and the last the first.
func ring(n int, name string) string {
	ops := make([]string, n)
	for i := range ops {
		ops[i] = making(i, fmt.Sprintf("%s%d", name, i), fmt.Sprintf(`{"value":"bulkId:%d"}`, (i+1)%n))
	}
	return strings.Join(ops, ",")
}

// dense is n creates of groups of which each has all the others as its members.
func dense(n int, name string) string {
	ops := make([]string, n)
	for i := range ops {
		ops[i] = making(i, fmt.Sprintf("%s%d", name, i), members(n, i))
	}
	return strings.Join(ops, ",")
}

// pairs is n circles of two groups, in each of which the second waits for the next circle, too.
func pairs(n int) string {
	ops := make([]string, 2*n)
	for i := range ops {
		of := fmt.Sprintf(`{"value":"bulkId:%d"}`, i^1)
		if i%2 == 1 && i+1 < len(ops) {
			of += fmt.Sprintf(`,{"value":"bulkId:%d"}`, i+1)
		}
		ops[i] = making(i, fmt.Sprintf("%s%d", refused, i), of)
	}
	return strings.Join(ops, ",")
}

// undoing is operations that make n groups, and then those that take them away again, which see them complete: with their second steps.
func undoing(operations string, n int) string {
	return operations + "," + numbered(`{"method":"DELETE","path":"/Groups/bulkId:%d"}`, n)
}

func hostileBulks() []hostile {
	deep := strings.Repeat("[", 100_000)
	failed := func(c hostile, status string) hostile {
		c.holds = `"status":"` + status
		return c
	}
	return []hostile{
		bulking("a bulk of 100,000 operations", strings.TrimSuffix(strings.Repeat(`{"a":1},`, 100_000), ","), 413),
		bulking("a bulk of 4 MB", strings.TrimSuffix(strings.Repeat(`{"method":"DELETE","path":"/Users/x"},`, 100_000), ","), 413),
		bulking("a bulk 100,000 deep", `{"method":"POST","path":"/Users","data":{"emails":`+deep, 400),
		bulking("a bulk whose operations are 100,000 deep lists", deep, 400),
		failed(bulking("a bulk of 200 groups that refer to each other and to nobody", bomb(200), 200), "400"),
		failed(bulking("a chain of 1,000 groups whose end is refused", chain(1000), 200), "409"),
		failed(bulking("a ring of 1,000 groups that are refused", ring(1000, refused), 200), "409"),
		failed(bulking("150 groups that are refused, each a member of all", dense(150, refused), 200), "409"),
		failed(bulking("500 circles that wait for each other, of groups that are refused", pairs(500), 200), "409"),
		failed(bulking("a ring of groups that is made and taken away", undoing(ring(4, "hostile"), 4), 200), "204"),
		failed(bulking("groups that are each a member of all, made and taken away", undoing(dense(4, "hostile"), 4), 200), "204"),
		failed(bulking("a bulk that refers to itself by a DELETE", `{"method":"DELETE","path":"/Users/bulkId:a","bulkId":"a"}`, 200, 400), "4"),
		bulking("a bulkId twice", `{"method":"POST","path":"/Users","bulkId":"a","data":{}},{"method":"POST","path":"/Users","bulkId":"a","data":{}}`, 200, 400),
		bulking("a bulkId of a million bytes", `{"method":"POST","path":"/Users","bulkId":"`+strings.Repeat("x", 900_000)+`","data":{}}`, 200, 400, 413),
		failed(bulking("a bulk in a bulk", `{"method":"POST","path":"/Bulk","bulkId":"a","data":{"Operations":[]}}`, 200), "404"),
		failed(bulking("a path that climbs", `{"method":"DELETE","path":"/Users/../Groups/x"}`, 200), "404"),
		failed(bulking("a path with an escaped slash", `{"method":"DELETE","path":"/Users/..%2fGroups%2fx"}`, 200), "404"),
		failed(bulking("a path that is a URL of another server", `{"method":"DELETE","path":"http://other.example/Users/x"}`, 200), "400"),
		failed(bulking("a method that is none", `{"method":"BREW","path":"/Users","data":{}}`, 200), "4"),
		bulking("an operation that is a number", `5`, 200, 400),
		bulking("an operation with a name twice", `{"method":"DELETE","method":"POST","path":"/Users/x"}`, 200, 400),
		bulking("1,000 creates without a userName", strings.TrimSuffix(strings.Repeat(`{"method":"POST","path":"/Users","bulkId":"","data":{}},`, 1000), ","), 200, 400),
		{claim: "a bulk with failOnErrors that overflows", head: "POST /scim/v2/Bulk HTTP/1.1\r\nContent-Type: application/json", body: `{"failOnErrors":1e999999,"Operations":[]}`, status: []int{400}},
		{claim: "a bulk with a negative failOnErrors", head: "POST /scim/v2/Bulk HTTP/1.1\r\nContent-Type: application/json", body: `{"failOnErrors":-9223372036854775808,"Operations":[]}`, status: []int{400}},
		{claim: "a bulk with its operations twice", head: "POST /scim/v2/Bulk HTTP/1.1\r\nContent-Type: application/json", body: `{"Operations":[],"operations":[]}`, status: []int{400}},
		{claim: "a bulk that ends early", head: "POST /scim/v2/Bulk HTTP/1.1\r\nContent-Type: application/json", body: `{"Operations":[{"method":"POST","path":"/Users","data":{"userName":"hostile"}}`, status: []int{400}},
		{claim: "a bulk with text behind it", head: "POST /scim/v2/Bulk HTTP/1.1\r\nContent-Type: application/json", body: `{"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"hostile"}}]} {}`, status: []int{400}},
		{claim: "half a bulk", head: "POST /scim/v2/Bulk HTTP/1.1\r\nContent-Type: application/json", body: `{"Operations":[`, length: 500, cut: true, status: []int{400}, closed: true},
	}
}

// searching is a SearchRequest of these members.
func searching(claim, members string, status ...int) hostile {
	return hostile{
		claim: claim, head: "POST /scim/v2/Users/.search HTTP/1.1\r\nContent-Type: application/scim+json",
		body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],` + members + `}`, status: status,
	}
}

func hostileSearches() []hostile {
	terms := strings.TrimSuffix(strings.Repeat(`id pr or `, 7000), " or ") // 63 KB
	return []hostile{
		searching("a search 100,000 deep", `"filter":`+strings.Repeat(`{"a":`, 100_000), 400),
		searching("a search for a filter of 64 KiB", `"filter":"`+terms+`"`, 200, 400),
		searching("a search for a filter of 1 MB", `"filter":"`+strings.Repeat("(", 900_000)+`"`, 400),
		searching("a search for a filter 30,000 deep", `"filter":"`+strings.Repeat("not (", 12_000)+"id pr"+strings.Repeat(")", 12_000)+`"`, 400),
		searching("a search for 2,000 different people", `"filter":"`+strings.ReplaceAll(numbered(`userName eq \"u%d\"`, 2000), ",", " or ")+`"`, 200, 400),
		searching("a search for 5,000 ids", `"filter":"`+strings.ReplaceAll(numbered(`id eq \"%d\"`, 3500), ",", " or ")+`"`, 200, 400),
		searching("a search for 1,000 managers", `"filter":"`+strings.ReplaceAll(numbered(`manager eq \"00000000-0000-0000-0000-%012d\"`, 900), ",", " or ")+`"`, 200, 400),
		searching("a search for 60,000 attributes", `"attributes":[`+numbered(`"a%d"`, 60_000)+`]`, 200, 400),
		searching("a search for one attribute 60,000 times", `"attributes":[`+strings.TrimSuffix(strings.Repeat(`"userName",`, 60_000), ",")+`]`, 200, 400),
		searching("a search for attributes that are objects", `"attributes":[{"a":[]}]`, 400),
		searching("a search with a start that overflows", `"startIndex":1e999999`, 400, 200),
		searching("a search with a fraction of a resource", `"count":0.5`, 400),
		searching("a search with a cursor of 900 KB", `"cursor":"`+strings.Repeat("A", 900_000)+`"`, 400),
		searching("a search with a cursor that is a number", `"cursor":5`, 400),
		searching("a search with a sortBy of 900 KB", `"sortBy":"`+strings.Repeat("a.", 450_000)+`"`, 400),
		searching("a search with a filter twice", `"filter":"id pr","FILTER":"id pr"`, 400),
		searching("a search with half a surrogate pair", `"filter":"userName eq \"\ud800\""`, 400),
		{claim: "a search of everything that is 100,000 deep", head: "POST /scim/v2/.search HTTP/1.1\r\nContent-Type: application/json", body: strings.Repeat("[", 100_000), status: []int{400}},
		get("a cursor that is garbage", "/Users?cursor=!!!%00%ff", 400),
		get("a cursor of 50,000 bytes", "/Users?cursor="+strings.Repeat("A", 50_000), 400, 431),
		get("a cursor of all zeros", "/Users?cursor="+strings.Repeat("A", 200)+"&count=1", 400),
		get("a cursor and a start", "/Users?cursor&startIndex=2", 400),
		get("a cursor and a count that is none", "/Users?cursor&count=x", 400),
		get("a sortBy that is garbage", "/Users?sortBy="+url.QueryEscape("emails[type eq \"work\""), 400),
		get("a sortBy that is unknown", "/Users?sortBy=shoeSize", 400),
		get("a sortBy that is complex", "/Users?sortBy=name", 200, 400),
		get("a sortBy of the password", "/Users?sortBy=password", 400),
		get("a filter on the password", "/Users?filter="+url.QueryEscape(`password sw "s"`), 400),
		get("a sortOrder that is none", "/Users?sortBy=userName&sortOrder=sideways", 400),
		get("10,000 parameters", "/Users?count=0"+strings.Repeat("&a=b", 10_000), 400),
		get("5,000 counts", "/Users?"+strings.Repeat("count=1&", 5000), 400),
		get("ampersands", "/Users?"+strings.Repeat("&", 50_000), 400),
		get("excludedAttributes and attributes of 60 KB", "/Users?attributes="+strings.Repeat("a,", 15_000)+"&excludedAttributes="+strings.Repeat("b,", 15_000), 400, 200, 431),
		get("an attribute path with a filter in it", "/Users?attributes="+url.QueryEscape(`emails[type eq "work"].value`), 200, 400),
	}
}

func hostileTargets() []hostile {
	return []hostile{
		get("a slash that is overlong UTF-8 in an id", "/Users/..%c0%af..", 404),
		get("a slash of full width in an id", "/Users/..%ef%bc%8f..", 404),
		get("a text that runs backwards in an id", "/Users/%e2%80%ae%f0%9f%92%a9", 404),
		get("an id that is escaped twice", "/Users/%252e%252e%252f", 404),
		get("a backslash in an id", "/Users/..%5c..%5c", 404),
		get("a semicolon in an id", "/Users/x;y=z", 404),
		get("an LDAP filter as an id", "/Users/*)(objectClass=*", 404),
		get("a line end in an id", "/Users/x%0d%0aSet-Cookie:%20a=b", 404),
		get("the id with a NUL behind it", "/Users/%s%00", 404),
		get("the id with a slash and more behind it", "/Users/%s/../../Groups", 404),
		get("the id of a user below Groups", "/Groups/%s", 404),
		get("dots that climb out of the base path", "/../../../etc/passwd", 404),
		get("encoded dots that climb", "/%2e%2e/%2e%2e/Users", 404),
		get("another case of the endpoint", "/users", 404),
		get("slashes before the endpoint", "///Users", 404),
		get("an encoded endpoint", "/%55sers?count=0", 200, 404),
		get("a schema that climbs", "/Schemas/..%2f..%2fUsers", 404),
		get("a schema of 50,000 bytes", "/Schemas/"+strings.Repeat("urn:", 12_000), 404, 431),
		{claim: "a fragment", head: "GET /scim/v2/Users#x HTTP/1.1", status: []int{400, 404}},
		{claim: "a URL of nothing", plain: true, head: "GET  HTTP/1.1", status: []int{400}},
		{claim: "a URL without a slash", plain: true, head: "GET scim/v2/Users HTTP/1.1", status: []int{400}},
		{claim: "an absolute URL with a password", head: "GET http://a:b@other.example/scim/v2/Users?count=0 HTTP/1.1", status: []int{200, 400}},
		{claim: "a method in small letters", head: "get /scim/v2/Users HTTP/1.1", status: []int{405}},
		{claim: "PROPFIND", head: "PROPFIND /scim/v2/Users/%s HTTP/1.1\r\nDepth: infinity", status: []int{405}},
		{claim: "the preface of HTTP/2", head: "PRI * HTTP/2.0", bare: true, status: []int{400, 401, 404, 405, 505}},
		{claim: "an expectation that nobody meets", plain: true, head: "POST /scim/v2/Users HTTP/1.1\r\nExpect: the-spanish-inquisition", status: []int{417}},
		{claim: "100-continue before a body of 2 GB", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/json\r\nExpect: 100-continue", length: 2_000_000_000, status: []int{413}},
		{claim: "100-continue before a body for nobody", head: "POST /scim/v2/Users HTTP/1.1\r\nAuthorization: Bearer x\r\nExpect: 100-continue", length: 1000, status: []int{401}},
		{claim: "HTTP/1.0 with chunks", head: "POST /scim/v2/Users HTTP/1.0\r\nTransfer-Encoding: chunked", body: "0\r\n\r\n", length: -1, status: []int{400, 415, 501}},
		{claim: "a length with a sign", plain: true, head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Length: +2", body: "{}", length: -1, status: []int{400}},
		{claim: "a length that overflows", plain: true, head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Length: 99999999999999999999", length: -1, status: []int{400}},
		{claim: "chunks with a size that overflows", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked", body: "fffffffffffffffff\r\n{}", length: -1, status: []int{400}},
		{claim: "chunks of one byte with long extensions", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked", body: strings.Repeat("1;"+strings.Repeat("x", 1000)+"\r\n \r\n", 100), length: -1, cut: true, status: []int{400}, closed: true},
		{claim: "a trailer that is a header", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization", body: "2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n", length: -1, status: []int{400}},
		{claim: "1,000 different headers", head: "GET /scim/v2/Users?count=0 HTTP/1.1\r\n" + strings.ReplaceAll(numbered("X-A%d: b", 1000), ",", "\r\n"), status: []int{200, 431}},
		{claim: "1,000 hops of proxies", head: "GET /scim/v2/Users?count=0 HTTP/1.1\r\nX-Forwarded-For: " + numbered("10.0.0.%d", 1000) + "\r\nForwarded: " + strings.Repeat("for=a;host=b,", 1000), status: []int{200, 431}},
		{claim: "an Accept of 5,000 ranges", head: "GET /scim/v2/Users?count=0 HTTP/1.1\r\nAccept: " + strings.Repeat("a/b;q=0.1,", 5000), status: []int{200, 406}},
		{claim: "a Content-Type that is none", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: " + strings.Repeat(";", 50_000), body: "{}", status: []int{400, 415}},
		{claim: "a body in another charset", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/json; charset=utf-16", body: "{}", status: []int{400, 415}},
		{claim: "a body that says it is packed", head: "POST /scim/v2/Users HTTP/1.1\r\nContent-Type: application/json\r\nContent-Encoding: gzip", body: "\x1f\x8b\x08", status: []int{400, 415}},
		{claim: "If-None-Match of 12,000 tags", head: "GET /scim/v2/Users/%s HTTP/1.1\r\nIf-None-Match: " + strings.Repeat(`"x",`, 12_000), status: []int{200, 431}},
		{claim: "If-Match that is no tag", head: "DELETE /scim/v2/Users/%s HTTP/1.1\r\nIf-Match: " + strings.Repeat("\\\"", 1000), status: []int{400, 412}},
	}
}
