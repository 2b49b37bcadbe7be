/** The shop's catalogue: 17 categories, 201 products. A product is a name and its price in cents. */

export interface CatalogueCategory {
  readonly id: number
  readonly name: string
  readonly description: string
  readonly products: ReadonlyArray<readonly [name: string, cents: number]>
}

const category = (id: number, name: string, description: string, products: string): CatalogueCategory => ({
  id,
  name,
  description,
  products: products
    .trim()
    .split(/\s*;\s*/)
    .map((product) => {
      const at = product.lastIndexOf(" ")
      return [product.slice(0, at), Number(product.slice(at + 1))] as const
    })
})

/** All categories in the order of the menu. */
export const catalogue: ReadonlyArray<CatalogueCategory> = [
  category(
    1,
    "Classic Pizzas",
    "The ones everybody knows by heart",
    `Margherita 790; Marinara 740; Salami 890; Prosciutto 920; Funghi 890; Prosciutto e Funghi 960; Tonno e Cipolla 980; Hawaii 950;
     Capricciosa 1050; Quattro Stagioni 1080; Diavola 990; Napoletana 970; Romana 980; Bianca 860; Siciliana 1020`
  ),
  category(
    2,
    "House Specials",
    "What our oven is proud of",
    `Truffle & Fior di Latte 1490; Burrata & Pistachio 1450; Nduja & Honey 1290; Salmon & Dill 1390; Pear & Gorgonzola 1290;
     Lamb & Mint 1420; Pulled Pork 1350; Smoked Duck 1480; Prawn & Lemon 1460; Carbonara 1240; Bolognese 1210; Kebab 1190;
     Chorizo & Pepper 1250; Fig & Prosciutto 1380; Sausage & Friarielli 1310`
  ),
  category(
    3,
    "Vegetarian Pizzas",
    "From the garden and the dairy",
    `Verdure 1050; Spinaci 990; Quattro Formaggi 1120; Melanzane 1020; Caprese 1060; Carciofi 1080; Zucchini & Feta 1070;
     Broccoli & Almond 1090; Pumpkin & Sage 1120; Asparagus 1150; Ricotta & Spinach 1080; Peperoni Arrosto 1030;
     Mushroom Trio 1130; Olive & Caper 980`
  ),
  category(
    4,
    "Vegan Pizzas",
    "Nothing from animals, everything from plants",
    `Vegan Margherita 890; Vegan Salami 1040; Jackfruit BBQ 1180; Hummus & Greens 1090; Tofu Teriyaki 1140; Vegan Funghi 980;
     Chickpea & Harissa 1120; Vegan Tonno 1090; Kale & Walnut 1110; Vegan Bolognese 1150`
  ),
  category(
    5,
    "Calzone",
    "Folded, sealed, steaming inside",
    `Calzone Classico 1050; Calzone Salami 1090; Calzone Tonno 1120; Calzone Spinaci 1080; Calzone Funghi 1070; Calzone Piccante 1130;
     Calzone Quattro Formaggi 1180; Calzone Verdure 1090; Calzone Pollo 1150; Calzone Nutella 790`
  ),
  category(
    6,
    "Pasta",
    "Cooked to order",
    `Spaghetti Aglio e Olio 790; Spaghetti Carbonara 1090; Spaghetti Bolognese 990; Spaghetti Vongole 1390; Penne Arrabbiata 890;
     Penne al Salmone 1290; Rigatoni Amatriciana 1090; Tagliatelle Funghi 1120; Tagliatelle Ragu 1150; Linguine Gamberi 1420;
     Gnocchi Gorgonzola 1090; Gnocchi Pesto 1060; Ravioli Burro e Salvia 1180; Tortellini Panna 1090; Orecchiette Broccoli 1050`
  ),
  category(
    7,
    "Lasagne & Gratins",
    "Layers, patience, a hot oven",
    `Lasagne Bolognese 1090; Lasagne Spinaci 1060; Lasagne Salmone 1240; Vegan Lasagne 1090; Cannelloni Ricotta 1080; Cannelloni Carne 1120;
     Maccheroni Gratin 990; Potato Gratin 890`
  ),
  category(
    8,
    "Risotto",
    "Stirred for eighteen minutes",
    `Risotto Milanese 1150; Risotto Funghi 1190; Risotto Asparagi 1220; Risotto Gamberi 1420; Risotto Zucca 1160; Risotto Limone 1090;
     Risotto Radicchio 1120`
  ),
  category(
    9,
    "Burgers",
    "Because someone at the table always wants one",
    `Classic Burger 990; Cheeseburger 1050; Bacon Burger 1150; Double Burger 1390; Chicken Burger 1080; Fish Burger 1120; Veggie Burger 990;
     Vegan Burger 1050; Gorgonzola Burger 1190; BBQ Burger 1160; Chili Burger 1140; Truffle Burger 1450`
  ),
  category(
    10,
    "Salads",
    "Crisp and dressed at the last minute",
    `Green Salad 550; Mixed Salad 690; Tomato Salad 620; Caprese Salad 890; Caesar Salad 990; Caesar with Chicken 1190; Nizza Salad 1090;
     Greek Salad 990; Rucola & Parmesan 920; Goat Cheese Salad 1120; Lentil Salad 890; Beetroot & Walnut 940; Seafood Salad 1350;
     Farmer Salad 1020`
  ),
  category(
    11,
    "Soups",
    "A bowl of warmth",
    `Tomato Soup 590; Minestrone 650; Pumpkin Soup 640; Potato Soup 620; Lentil Soup 640; Fish Soup 990; Chicken Soup 720; Onion Soup 680`
  ),
  category(
    12,
    "Starters",
    "To share, or not",
    `Bruschetta 590; Garlic Bread 450; Antipasto Misto 1290; Carpaccio 1250; Vitello Tonnato 1290; Mozzarella Sticks 690; Arancini 740;
     Calamari Fritti 1090; Stuffed Mushrooms 790; Olives 420; Focaccia 520; Burrata 1090; Prosciutto e Melone 990; Shrimp Cocktail 1050`
  ),
  category(
    13,
    "Sides",
    "What belongs next to it",
    `Fries 450; Sweet Potato Fries 550; Wedges 490; Onion Rings 520; Coleslaw 380; Grilled Vegetables 690; Rice 350; Bread Basket 320;
     Corn on the Cob 420; Chicken Nuggets 690`
  ),
  category(
    14,
    "Sauces & Dips",
    "One more for the crust",
    `Garlic Dip 150; Tomato Salsa 150; BBQ Sauce 150; Chili Sauce 150; Aioli 180; Herb Curd 180; Pesto 220; Truffle Mayo 250;
     Honey Mustard 180; Vegan Mayo 180`
  ),
  category(
    15,
    "Desserts",
    "There is always room",
    `Tiramisu 650; Panna Cotta 590; Profiteroles 690; Cannoli 620; Chocolate Cake 650; Cheesecake 650; Lemon Tart 620; Apple Strudel 640;
     Gelato Vanilla 350; Gelato Chocolate 350; Gelato Pistachio 390; Sorbet 350; Affogato 490; Fruit Salad 520`
  ),
  category(
    16,
    "Soft Drinks",
    "Cold, as they should be",
    `Still Water 250; Sparkling Water 250; Cola 320; Cola Zero 320; Orange Lemonade 320; Lemon Lemonade 320; Apple Spritzer 350; Iced Tea Peach 350;
     Iced Tea Lemon 350; Ginger Ale 340; Tonic 340; Bitter Lemon 340; Orange Juice 390; Tomato Juice 390; Espresso 240`
  ),
  category(
    17,
    "Beer & Wine",
    "For those of age",
    `Pilsner 390; Wheat Beer 420; Pale Ale 450; Alcohol-free Beer 390; Radler 390; House White 590; House Red 590; Rosé 590; Prosecco 650;
     Aperol Spritz 750`
  )
]
