package embedded

// place is where made-up people come from. Names in another script are written `native|Latin`.
type place struct {
	language, country, city, dial, postcode string
	familyFirst                             bool
	given, family, streets                  []string
}

var places = []place{
	{
		language: "en-GB", country: "United Kingdom", city: "Leeds", dial: "+44 113", postcode: "LS%d 4AB",
		given:   []string{"Barbara", "Oliver", "Amelia", "George", "Isla", "Harry", "Siân", "Rhys", "Grace", "Alan"},
		family:  []string{"Jensen", "Smith", "Taylor", "O'Brien", "Hughes", "Wood", "Clarke", "Ó Súilleabháin", "Turner", "Lloyd-Jones"},
		streets: []string{"Albion Street", "Park Row", "Otley Road"},
	},
	{
		language: "de-DE", country: "Deutschland", city: "Köln", dial: "+49 221", postcode: "50%03d",
		given:   []string{"Jürgen", "Käthe", "Lukas", "Anneliese", "Björn", "Friederike", "Sören", "Mia"},
		family:  []string{"Müller", "Weiß", "Schröder", "von der Heide", "Groß", "Köhler", "Schäfer", "Vogel"},
		streets: []string{"Mühlengasse", "Aachener Straße", "Bürgerweg"},
	},
	{
		language: "fr-FR", country: "France", city: "Besançon", dial: "+33 381", postcode: "25%03d",
		given:   []string{"Zoë", "François", "Éloïse", "Jérôme", "Anaïs", "Benoît", "Chloé"},
		family:  []string{"Lefèvre", "d'Aubigné", "Garçon", "Dupont", "Hérault", "Œuvrard"},
		streets: []string{"rue de la Préfecture", "avenue Foch", "quai Vauban"},
	},
	{
		language: "pl-PL", country: "Polska", city: "Łódź", dial: "+48 42", postcode: "90-%03d",
		given:   []string{"Łukasz", "Żaneta", "Małgorzata", "Stanisław", "Zbigniew", "Agnieszka"},
		family:  []string{"Wójcik", "Kowalczyk", "Dąbrowska", "Źrebiec", "Nowak", "Szczęsny"},
		streets: []string{"Piotrkowska", "Zachodnia", "Żeromskiego"},
	},
	{
		language: "nb-NO", country: "Norge", city: "Tromsø", dial: "+47 776", postcode: "9%03d",
		given:   []string{"Bjørn", "Åse", "Solveig", "Øystein", "Ingrid", "Håkon"},
		family:  []string{"Ødegård", "Sæthere", "Hansen", "Bråten", "Lunde"},
		streets: []string{"Storgata", "Sjøgata", "Grønnegata"},
	},
	{
		language: "es-ES", country: "España", city: "A Coruña", dial: "+34 981", postcode: "15%03d",
		given:   []string{"José", "Begoña", "Íñigo", "Lucía", "Martín", "Concepción"},
		family:  []string{"Núñez", "García Márquez", "Ibáñez", "Peña", "Rodríguez", "de la Cruz"},
		streets: []string{"Calle Real", "Avenida de la Marina", "Plaza de España"},
	},
	{
		language: "tr-TR", country: "Türkiye", city: "İzmir", dial: "+90 232", postcode: "35%03d",
		given:   []string{"Işıl", "Çağlar", "Gülşen", "İbrahim", "Ömer", "Şebnem"},
		family:  []string{"Yıldırım", "Öztürk", "Çelik", "Şahin", "Doğan"},
		streets: []string{"Kıbrıs Şehitleri", "Gazi Bulvarı", "Fevzi Paşa"},
	},
	{
		language: "vi-VN", country: "Việt Nam", city: "Đà Nẵng", dial: "+84 236", postcode: "550%03d", familyFirst: true,
		given:   []string{"Thị Hương", "Minh Đức", "Quỳnh", "Thảo", "Ngọc Ánh"},
		family:  []string{"Nguyễn", "Trần", "Đặng", "Phạm", "Võ"},
		streets: []string{"Bạch Đằng", "Trần Phú", "Lê Duẩn"},
	},
	{
		language: "el-GR", country: "Ελλάδα", city: "Πάτρα", dial: "+30 261", postcode: "26%03d",
		given:   []string{"Ελένη|Eleni", "Γιώργος|Giorgos", "Αθηνά|Athina", "Νίκος|Nikos"},
		family:  []string{"Παπαδόπουλος|Papadopoulos", "Ιωάννου|Ioannou", "Γεωργίου|Georgiou"},
		streets: []string{"Κορίνθου", "Μαιζώνος"},
	},
	{
		language: "uk-UA", country: "Україна", city: "Львів", dial: "+380 32", postcode: "79%03d",
		given:   []string{"Олена|Olena", "Тарас|Taras", "Їржина|Yirzhyna", "Ярослав|Yaroslav"},
		family:  []string{"Шевченко|Shevchenko", "Коваль|Koval", "Бондаренко|Bondarenko"},
		streets: []string{"вулиця Франка", "проспект Свободи"},
	},
	{
		language: "ja-JP", country: "日本", city: "京都市", dial: "+81 75", postcode: "600-8%03d", familyFirst: true,
		given:   []string{"さくら|Sakura", "健太|Kenta", "陽子|Yoko", "大輔|Daisuke"},
		family:  []string{"佐藤|Sato", "鈴木|Suzuki", "高橋|Takahashi", "渡辺|Watanabe"},
		streets: []string{"烏丸通", "四条通"},
	},
	{
		language: "ar-EG", country: "مصر", city: "الإسكندرية", dial: "+20 3", postcode: "21%03d",
		given:   []string{"فاطمة|Fatima", "أحمد|Ahmad", "ليلى|Layla", "يوسف|Yusuf"},
		family:  []string{"حسن|Hassan", "السيد|Elsayed", "منصور|Mansour"},
		streets: []string{"شارع النبي دانيال", "طريق الحرية"},
	},
}

var titles = []string{
	"Engineer", "Senior Engineer", "Nurse", "Buyer", "Accountant", "Product Manager", "Head of Section", "Lawyer", "Technician", "Designer",
	"Sales Representative", "Data Analyst", "Teacher", "Works Council", "Apprentice", "Research Fellow",
}

var departments = []string{"Engineering", "Sales, EMEA", "Finance", "Legal", "Research & Development", "Human Resources", "Support", "Facilities"}

var teams = []string{"Team", "Leads", "On Call", "Newsletter", "Project Aurora", "Project Bär", "Travel", "Auditors"}
